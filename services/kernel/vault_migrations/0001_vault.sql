-- Keys of persons, wrapped by a key-encryption key. The vault is not the log: a key may be destroyed.

create table {schema}.subject_keys (
    subject_id text not null,
    version integer not null,
    kek_id text not null,
    wrapped bytea,
    created_at timestamptz not null default now(),
    destroyed_at timestamptz,
    destroyed_because text,
    primary key (subject_id, version),
    check ((wrapped is null) = (destroyed_at is not null))
);
