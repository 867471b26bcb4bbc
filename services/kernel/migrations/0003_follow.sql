-- Streams that a follower could not take in, and the generations of the views.

create table {schema}.parked (
    follower text not null,
    source text not null,
    stream text not null,
    position bigint not null,
    reason text not null,
    parked_at timestamptz not null default now(),
    primary key (follower, source, stream)
);

create table {schema}.view_generations (
    view text not null,
    generation integer not null,
    fingerprint text not null,
    live boolean not null,
    made_at timestamptz not null default now(),
    primary key (view, generation)
);

create unique index view_generations_live on {schema}.view_generations (view) where live;
