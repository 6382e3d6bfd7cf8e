-- One run is planned at a time, and money that a payout held while a run went by is not forgotten.
set local lock_timeout = '5s';

alter table payout.run
    -- Left alone until then; nobody is at work on it meanwhile, and others go first.
    add column paused_until_wall_at timestamptz,
    -- When its newest pass ended.
    add column passed_wall_at timestamptz;

alter table payout.payout
    add column created_wall_at timestamptz not null default now();
