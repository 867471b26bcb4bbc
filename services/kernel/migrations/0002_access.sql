-- The record of reads and refusals. It is written before anything is returned, and never changed.

create table {schema}.access_records (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    agency text not null,
    officer text not null,
    role text not null,
    on_behalf_of text not null,
    action text not null,
    resource_type text not null,
    resource_id text not null,
    case_id text not null,
    purpose text not null,
    legal_basis text not null,
    document_number text not null,
    allowed boolean not null,
    reason text not null,
    policy_sha256 text not null,
    trace_parent text not null
);

create index access_records_case on {schema}.access_records (case_id, at) where case_id <> '';

create function {schema}.access_records_stay() returns trigger language plpgsql as $$
begin
    raise exception 'access records are append-only' using errcode = 'insufficient_privilege';
end
$$;

create trigger access_records_stay before update or delete or truncate on {schema}.access_records
    for each statement execute function {schema}.access_records_stay();
