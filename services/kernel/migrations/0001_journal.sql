-- The journal of one service. {schema} stands for the quoted name of its schema.
create schema if not exists {schema};

create table {schema}.events (
    position bigint primary key check (position > 0),
    stream text not null,
    version bigint not null check (version >= 0),
    type text not null,
    header bytea not null,
    payload bytea not null,
    unique (stream, version)
);

-- What was answered to a request. Written with its events, so a repeat gets the same answer.
create table {schema}.requests (
    caller text not null,
    request_id text not null,
    request_hash bytea not null,
    version bigint not null,
    position bigint not null,
    answer bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (caller, request_id)
);

-- How far a follower's effects reach in another journal. Written with those effects.
create table {schema}.positions (
    follower text not null,
    source text not null,
    position bigint not null,
    primary key (follower, source)
);

create function {schema}.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception '% on %.% is refused: the journal only grows', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger events_only_grow before update or delete or truncate on {schema}.events
    for each statement execute function {schema}.refuse_change();
create trigger requests_only_grow before update or delete or truncate on {schema}.requests
    for each statement execute function {schema}.refuse_change();
-- ALWAYS: a session that plays a replica (session_replication_role) skips ordinary triggers.
alter table {schema}.events enable always trigger events_only_grow;
alter table {schema}.requests enable always trigger requests_only_grow;

-- Appends a batch in one transaction. Each item is judged by itself; only the accepted ones are written.
-- An item with `expected` writes versions expected+1.. of its stream; one without brings streams and versions along.
-- The caller puts a stream, a request and a followed journal into a batch at most once.
create function {schema}.append(
    streams text[], expected bigint[], callers text[], request_ids text[], hashes bytea[], answers bytea[],
    followers text[], sources text[], tracked bigint[],
    event_items bigint[], event_streams text[], event_versions bigint[],
    event_types text[], event_headers bytea[], event_payloads bytea[]
) returns table (item bigint, outcome text, version bigint, "position" bigint, answer bytea)
language plpgsql volatile security definer
-- The plan is made once, while the tables may still be empty: a sequential scan must not be chosen for ever.
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    base bigint;
begin
    -- Only READ COMMITTED takes a new snapshot after the lock; an older one would not see the last position.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'append needs read committed' using errcode = 'invalid_transaction_state';
    end if;
    -- Held until commit: positions are given out in commit order, and nobody sees a gap.
    perform pg_advisory_xact_lock(hashtextextended('guanhu journal ' || $schema${schema}$schema$, 0));
    select coalesce(max(e.position), 0) into base from {schema}.events e;
    return query
    with drafted as materialized (
        select d.*, row_number() over (partition by d.item order by d.nth) as place
        from unnest(event_items, event_streams, event_versions, event_types, event_headers, event_payloads)
            with ordinality as d (item, stream, version, type, header, payload, nth)
    ), counted as materialized (
        select d.item, count(*) as events from drafted d group by d.item
    ), clashing as materialized (
        select distinct d.item from drafted d
        where d.version is not null and exists (
            select from {schema}.events e where e.stream = d.stream and e.version = d.version)
    ), judged as materialized (
        select i.*, coalesce(c.events, 0) as events, r.version as known_version, r.position as known_position,
            r.answer as known_answer,
            case
                when r.request_hash = i.hash then 'replayed'
                when r.request_hash is not null then 'mismatch'
                when i.tracked <= (select p.position from {schema}.positions p
                    where p.follower = i.follower and p.source = i.source) then 'tracked'
                when i.expected <> coalesce((select max(e.version) from {schema}.events e
                    where e.stream = i.stream), 0) then 'conflict'
                when x.item is not null then 'conflict'
                else 'appended'
            end as outcome
        from unnest(streams, expected, callers, request_ids, hashes, answers, followers, sources, tracked)
            with ordinality as i (stream, expected, caller, request_id, hash, answer, follower, source, tracked, item)
        left join counted c on c.item = i.item
        left join clashing x on x.item = i.item and i.expected is null
        left join lateral (select q.* from {schema}.requests q
            where q.caller = i.caller and q.request_id = i.request_id limit 1) r on true
    ), settled as materialized (
        select j.*, j.expected + j.events as last_version,
            base + (sum(j.events) filter (where j.outcome = 'appended') over (order by j.item))::bigint as last_position
        from judged j
    ), new_events as (
        insert into {schema}.events (position, stream, version, type, header, payload)
        select base + row_number() over (order by d.item, d.nth), coalesce(s.stream, d.stream),
            coalesce(s.expected + d.place, d.version), d.type, d.header, d.payload
        from drafted d join settled s on s.item = d.item and s.outcome = 'appended'
    ), new_requests as (
        insert into {schema}.requests (caller, request_id, request_hash, version, position, answer)
        select s.caller, s.request_id, s.hash, coalesce(s.last_version, 0), s.last_position, s.answer
        from settled s where s.outcome = 'appended' and s.request_id is not null
    ), new_positions as (
        insert into {schema}.positions as p (follower, source, position)
        select s.follower, s.source, s.tracked from settled s where s.outcome = 'appended' and s.tracked is not null
        on conflict (follower, source) do update set position = excluded.position
    )
    select s.item, s.outcome,
        case s.outcome when 'appended' then coalesce(s.last_version, 0) else s.known_version end,
        case s.outcome when 'appended' then s.last_position else s.known_position end,
        s.known_answer
    from settled s;
end
$$;

revoke all on all tables in schema {schema} from public;
revoke all on function {schema}.append from public;

-- Roles belong to the whole server; without CREATEROLE the operator creates this one and grants the same by hand.
do $$
begin
    if not exists (select from pg_roles where rolname = 'guanhu_writer') then
        begin
            create role guanhu_writer nologin;
        exception when insufficient_privilege or duplicate_object or unique_violation then
            raise notice 'role guanhu_writer was not created: %', sqlerrm;
        end;
    end if;
    if exists (select from pg_roles where rolname = 'guanhu_writer') then
        grant usage on schema {schema} to guanhu_writer;
        grant select on {schema}.events, {schema}.requests, {schema}.positions to guanhu_writer;
        grant execute on function {schema}.append to guanhu_writer;
    end if;
end
$$;
