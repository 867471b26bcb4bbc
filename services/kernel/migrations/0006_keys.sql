-- Keys that belong to one stream for ever, such as a sender's own number of a referral. Written with the events that take them.

create table {schema}.keys (
    key text primary key,
    stream text not null
);

create trigger keys_only_grow before update or delete or truncate on {schema}.keys
    for each statement execute function {schema}.refuse_change();
alter table {schema}.keys enable always trigger keys_only_grow;

drop function {schema}.append;

-- Appends a batch in one transaction. Each item is judged by itself; only the accepted ones are written.
-- An item with `expected` writes versions expected+1.. of its stream; one without brings streams and versions along.
-- The caller puts a stream, a request and a followed journal into a batch at most once.
create function {schema}.append(
    streams text[], expected bigint[], callers text[], request_ids text[], hashes bytea[], answers bytea[],
    followers text[], sources text[], tracked bigint[], keys text[],
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
                when k.stream <> i.stream then 'taken'
                else 'appended'
            end as outcome
        from unnest(streams, expected, callers, request_ids, hashes, answers, followers, sources, tracked, keys)
            with ordinality as i (stream, expected, caller, request_id, hash, answer, follower, source, tracked, key, item)
        left join counted c on c.item = i.item
        left join clashing x on x.item = i.item and i.expected is null
        left join {schema}.keys k on k.key = i.key
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
    ), new_keys as (
        insert into {schema}.keys (key, stream)
        select s.key, s.stream from settled s where s.outcome = 'appended' and s.key is not null
        on conflict (key) do nothing
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

revoke all on {schema}.keys from public;
revoke all on function {schema}.append from public;

do $$
begin
    if exists (select from pg_roles where rolname = 'guanhu_writer') then
        grant select on {schema}.keys to guanhu_writer;
        grant execute on function {schema}.append to guanhu_writer;
    end if;
end
$$;
