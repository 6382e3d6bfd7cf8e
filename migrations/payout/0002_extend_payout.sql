-- Money that comes back, payouts that creators ask for, runs that go on, and the platform's floor.
set local lock_timeout = '5s';

alter table payout.payout
    -- Whether a run planned it; a payout that its creator asked for belongs to no month.
    add column scheduled boolean not null default true,
    -- What came back by reversals of the transfer, and their ids.
    add column reversed_minor bigint not null default 0,
    add column reversals text[] not null default '{}',
    -- A hold that was never there when the payout ended may still be placed by a request that is
    -- under way: looked for again at this wall time, so often already.
    add column hold_look_wall_at timestamptz,
    add column hold_look_count integer not null default 0,
    add constraint payout__month_of_a_run check (scheduled = (month <> '')),
    add constraint payout__reversed_part check (reversed_minor between 0 and amount_minor),
    drop constraint payout__step_known,
    add constraint payout__step_known check (step in ('transfer', 'bank', 'reversal')),
    drop constraint payout__errand_known,
    add constraint payout__errand_known
        check (errand in ('none', 'confirm', 'give_back', 'release')),
    drop constraint payout__sequence_once;
-- A run delivered twice, or planned by two replicas, plans the same payouts. One run may pay a
-- creator more than once: what a limit cut off follows on the next day.
create unique index payout__sequence_once on payout.payout (month, creator_id, sequence)
    where month <> '';
drop index payout.payout__once_per_run;
create index payout__hold_look on payout.payout (hold_look_wall_at)
    where hold_look_wall_at is not null;
create index payout__unheld on payout.payout (creator_id) where state = 'planned';

alter table payout.attempt
    drop constraint attempt__step_known,
    add constraint attempt__step_known check (step in ('transfer', 'bank', 'reversal')),
    drop constraint attempt__state_known,
    add constraint attempt__state_known check (state in
        ('sending', 'unknown', 'submitted', 'settled', 'refused', 'returned'));
create index attempt__object on payout.attempt (object_id) where object_id is not null;

alter table payout.run
    add column pass_count integer not null default 0;
alter table payout.carried_over
    -- When it is tried again, as far as that can be told.
    add column expected_on timestamptz,
    -- When this run looks at the creator again; absent when only a later run does.
    add column again_at timestamptz;

-- What an event said of an object that Stripe may not show.
alter table payout.reading
    add column told_payout_id text not null default '',
    add column told_attempt integer,
    add column told_code text not null default '',
    drop constraint reading__kind_known,
    add constraint reading__kind_known
        check (kind in
        ('account', 'bank_payout', 'transfer', 'transfer_failed', 'transfer_reversed'));

-- Payouts that a bank refused when nothing could be taken back yet wait for their reversal. The
-- business clock is not known here: they are due since they were made.
with waiting as (
    update payout.payout as after
    set state = 'reversing', step = 'reversal', attempt = 0, version = before.version + 1,
        next_retry_at = before.created_at, due_at = before.created_at
    from payout.payout as before
    where before.payout_id = after.payout_id and before.step = 'bank'
      and before.state = 'failed'
    returning after.payout_id, after.version, before.state as from_state, before.created_at
)
insert into payout.payout_transition
    (payout_id, version, from_state, to_state, step, command, moved_at, actor, event_id)
select waiting.payout_id, waiting.version, waiting.from_state, 'reversing', 'reversal', 'migrate',
       waiting.created_at, '', ''
from waiting;

-- A payout that came back after it was paid was never announced to the books: it is read again, and
-- what the bank says of it now is then told as it is of any other.
update payout.payout set state = 'paid', due_at = case when errand = 'none' then null else due_at end
where step = 'bank' and state = 'returned';
insert into payout.reading (object_id, kind, account_id, event_id)
select bank_payout_id, 'bank_payout', account_id, '' from payout.payout
where step = 'bank' and state = 'paid' and failure_code <> '' and bank_payout_id is not null
on conflict on constraint reading__pk do nothing;

-- What the platform's automatic payouts were told to leave behind, each time it was looked at.
create table payout.platform_floor (
    platform_floor_id bigint generated always as identity,
    -- What the books asked for, and the snapshot of theirs that said so.
    required_minor bigint not null,
    cut text not null,
    -- What Stripe keeps to.
    minimum_minor bigint not null,
    is_manual boolean not null,
    set_at timestamptz not null,
    constraint platform_floor__pk primary key (platform_floor_id),
    constraint platform_floor__required_positive check (required_minor >= 0),
    constraint platform_floor__minimum_positive check (minimum_minor >= 0)
);

-- One row: when the floor is looked at next.
create table payout.floor_watch (
    floor_watch_id integer not null,
    due_at timestamptz not null,
    leased_until_wall_at timestamptz,
    -- Looks that were asked for besides: one that comes during a look is not lost by it.
    asked_count bigint not null default 0,
    constraint floor_watch__pk primary key (floor_watch_id),
    constraint floor_watch__one check (floor_watch_id = 1)
);
insert into payout.floor_watch (floor_watch_id, due_at) values (1, '1970-01-01 00:00:00+00');

grant select, insert on payout.platform_floor to payout_svc;
grant select, update on payout.floor_watch to payout_svc;
grant select on payout.platform_floor, payout.floor_watch to auditor;
