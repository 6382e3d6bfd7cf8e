set local lock_timeout = '5s';

-- One row per key under which a subscriber's request was carried out, written in the transaction
-- that did it. Whoever comes again under the key is answered from here: from the month, the
-- version and the funds that the first found, and from the facts of that version. Refusals had
-- no effect and leave no row.
create table allocation.answered_request (
    subscriber_id text collate "C" not null,
    request_key text collate "C" not null,
    -- SHA-256 of what was asked for.
    request_hash bytea not null,
    program text not null,
    month integer not null,
    -- The pool's version afterwards. Where nothing was to be changed it is another request's.
    version bigint not null,
    changed boolean not null,
    funded_minor bigint not null,
    answered_wall_at timestamptz not null default now(),
    constraint answered_request__pk primary key (subscriber_id, request_key),
    constraint answered_request__key_short check (length(request_key) between 1 and 255),
    constraint answered_request__version_counts check (version >= 0 and (version > 0 or not changed)),
    constraint answered_request__funded_not_negative check (funded_minor >= 0)
);
create index answered_request__by_age on allocation.answered_request (answered_wall_at);

grant select, insert, delete on allocation.answered_request to allocation_svc;
-- Nothing is ever changed; but who forgets rows in turns with others locks them, which takes the
-- right to change at least one column.
grant update (answered_wall_at) on allocation.answered_request to allocation_svc;
grant select on allocation.answered_request to auditor;
