-- The descriptors that events were written with, by the hash that their headers name: what decodes them for ever.

create table {schema}.schemas (
    sha256 bytea primary key,
    descriptor_set bytea not null,
    stored_at timestamptz not null default now()
);
