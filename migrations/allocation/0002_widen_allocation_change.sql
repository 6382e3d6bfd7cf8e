-- A whole set of allocations is one version of its pool and several changes. Months stand before
-- programs in the key, so that a subscriber's history, newest first, is the key read backwards.
-- Who writes rows as before may go on: no column is new.
set local lock_timeout = '5s';

alter table allocation.allocation_change
    alter column creator_id type text collate "C",
    drop constraint allocation_change__pk,
    add constraint allocation_change__pk
        primary key (subscriber_id, month, program, version, creator_id);
