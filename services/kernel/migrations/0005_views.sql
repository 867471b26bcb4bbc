-- The views by what their tables look like: two releases that run side by side each have their own.

drop table {schema}.view_generations;

create table {schema}.views (
    view text not null,
    fingerprint text not null,
    generation integer not null default 1,
    made_at timestamptz not null default now(),
    primary key (view, fingerprint)
);
