-- Runs that keep their order when a pass breaks off, and work whose lease was lost.
set local lock_timeout = '5s';

-- Counts those who took the row. Whoever finds another number has lost it to somebody else.
alter table payout.run
    add column fence bigint not null default 0,
    -- Passes in a row that left somebody to be looked at at once; each makes the pause longer.
    add column stumble_count integer not null default 0;

alter table payout.carried_over
    -- Waits for available funds: every pass looks, whatever the hour, so that nobody overtakes.
    add column for_funds boolean not null default false,
    -- The fence of the pass that looks at the creator; none once something was told since.
    add column looked_by bigint;
-- Until now a limit was the only other thing that a run waited for.
update payout.carried_over set for_funds = true
where again_at is not null and reason not like '%: the rest follows on %';

alter table payout.floor_watch
    add column fence bigint not null default 0,
    -- What Stripe was told since it last confirmed a minimum, and that one: these are ours. Any
    -- other was set by hand.
    add column ours_minor bigint[] not null default '{}',
    -- The minimum that was last set by hand: never lowered.
    add column by_hand_minor bigint not null default 0,
    add constraint floor_watch__by_hand_positive check (by_hand_minor >= 0);
update payout.floor_watch
set ours_minor = array(
    select minimum_minor from payout.platform_floor order by platform_floor_id desc limit 1);
