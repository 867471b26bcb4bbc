-- Every row of every followed journal, byte for byte, with its leaf and the chain over the leaves of its origin.
-- chain(n) = SHA-256(0x01 || chain(n-1) || leaf hash(n)), chain(0) = 32 zero bytes.

create table {schema}.evidence (
    origin text not null,
    position bigint not null check (position > 0),
    stream text not null,
    version bigint not null,
    type text not null,
    header bytea not null,
    payload bytea not null,
    leaf_sha256 bytea not null,
    chain_sha256 bytea not null,
    case_id text not null,
    recorded_at timestamptz not null,
    occurred_at timestamptz not null,
    primary key (origin, position),
    unique (origin, stream, version)
);

create index evidence_case on {schema}.evidence (case_id, recorded_at) where case_id <> '';

-- Persons have journals of their own streams, which belong to no case by themselves.
create table {schema}.case_persons (
    case_id text not null,
    person_id text not null,
    primary key (case_id, person_id)
);

create function {schema}.evidence_stays() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'evidence is append-only' using errcode = 'insufficient_privilege';
end
$$;

create trigger evidence_stays before update or delete or truncate on {schema}.evidence
    for each statement execute function {schema}.evidence_stays();
alter table {schema}.evidence enable always trigger evidence_stays;
