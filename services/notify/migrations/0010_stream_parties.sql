-- Who is a party of a stream, as far as its journal was taken in; moves in one transaction with the follower's position.

create table {schema}.stream_parties (
    origin text not null,
    stream text not null,
    parties text not null,
    primary key (origin, stream)
);
