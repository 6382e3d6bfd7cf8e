-- The ledger: accounts, postings, entries, balances; holds; the months and how they were closed.
set local lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table earnings.outbox (
    outbox_id bigint generated always as identity,
    fact_id text not null,
    subject text not null,
    occurred_at timestamptz not null,
    aggregate_id text not null,
    aggregate_version bigint not null,
    payload bytea not null,
    request_id text not null,
    recorded_wall_at timestamptz not null default now(),
    published_wall_at timestamptz,
    constraint outbox__pk primary key (outbox_id),
    constraint outbox__once unique (fact_id)
);
-- Read by state, not by cursor: identity order is not commit order.
create index outbox__waiting on earnings.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table earnings.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table earnings.dead_letter (
    dead_letter_id bigint generated always as identity,
    consumer text not null,
    fact_id text not null,
    subject text not null,
    payload bytea not null,
    reason text not null,
    recorded_wall_at timestamptz not null default now(),
    resolved_wall_at timestamptz,
    constraint dead_letter__pk primary key (dead_letter_id),
    constraint dead_letter__once unique (consumer, fact_id)
);
-- mailbox end

-- One row per account that was ever posted to. Which columns are filled follows from the kind
-- (the chart of accounts is libs/ledger's). Owners and references are ids of other services'
-- nouns: creators and payouts (payout), subscribers and charges (billing).
create table earnings.account (
    account_id bigint generated always as identity,
    kind text collate "C" not null,
    owner text collate "C",
    program text collate "C",
    month integer,
    reference text collate "C",
    asset text collate "C" not null,
    name text collate "C" not null,
    class text collate "C" not null,
    -- Platform accounts have no row in balance: nearly every posting touches them, and a row lock
    -- per posting would make every writer wait for every other.
    is_platform boolean not null,
    constraint account__pk primary key (account_id),
    constraint account__name_once unique (name),
    constraint account__asset_known check (asset in ('USD', 'TOKEN')),
    constraint account__class_known check (class in ('floor', 'settles', 'signed')),
    constraint account__dated check ((program is null) = (month is null))
);
create index account__by_owner on earnings.account (kind, owner) where owner is not null;
create index account__by_month on earnings.account (kind, month, account_id)
    where month is not null;

-- One row per fact that was posted, for ever: the key is what makes a second delivery harmless.
-- program and month are those that the fact is stamped with; control totals count by them.
create table earnings.posting (
    posting_id bigint generated always as identity,
    posting_key bytea not null,
    key_text text collate "C" not null,
    kind text collate "C" not null,
    txn text collate "C",
    program text collate "C",
    month integer,
    signed_minor bigint not null,
    -- The fact's unsigned 64-bit digest, as the signed number of the same bits.
    digest bigint not null,
    occurred_at timestamptz not null,
    recorded_wall_at timestamptz not null default now(),
    constraint posting__pk primary key (posting_key),
    constraint posting__id_once unique (posting_id),
    constraint posting__key_short check (octet_length(posting_key) = 16),
    constraint posting__dated check ((program is null) = (month is null))
);
-- A balance transaction is evidence for one posting and no other.
create unique index posting__txn_once on earnings.posting (txn) where txn is not null;
create index posting__by_month on earnings.posting (month) where month is not null;

-- The legs of postings. Debits are positive and credits negative, so that each asset of each
-- posting adds up to zero. Nobody has the right to change or remove one.
create table earnings.entry (
    posting_id bigint not null,
    account_id bigint not null,
    amount_minor bigint not null,
    line smallint not null,
    asset text collate "C" not null,
    constraint entry__pk primary key (posting_id, line),
    constraint entry__moves check (amount_minor <> 0)
);
-- The amount is included so that a platform account is summed from the index alone.
create index entry__by_account on earnings.entry (account_id, posting_id) include (amount_minor);

-- The second wall behind the ledger's own rule: all entries of a posting come in one statement,
-- and they balance, and each counts what its account counts.
create function earnings.refuse_unbalanced() returns trigger language plpgsql as $$
declare
    wrong bigint;
begin
    select posting_id into wrong from inserted
    group by posting_id, asset having sum(amount_minor) <> 0 limit 1;
    if found then
        raise exception 'posting % does not balance', wrong
            using errcode = 'check_violation', constraint = 'entry__balanced',
                  schema = 'earnings', table = 'entry';
    end if;
    select i.posting_id into wrong
    from inserted i left join earnings.account a on a.account_id = i.account_id
    where a.asset is distinct from i.asset limit 1;
    if found then
        raise exception 'posting % names an account that does not exist or counts another asset',
            wrong using errcode = 'check_violation', constraint = 'entry__asset_of_account',
                        schema = 'earnings', table = 'entry';
    end if;
    return null;
end
$$;
create trigger entry__balanced after insert on earnings.entry
    referencing new table as inserted
    for each statement execute function earnings.refuse_unbalanced();

-- The balance of every account that is not a platform account, counted from the account's own
-- side: positive is where it grows. Room is left in each page, so that an update stays in it.
create table earnings.balance (
    account_id bigint not null,
    amount_minor bigint not null,
    is_floor boolean not null,
    constraint balance__pk primary key (account_id),
    constraint balance__account foreign key (account_id) references earnings.account (account_id),
    constraint balance__floor check (amount_minor >= 0 or not is_floor)
) with (fillfactor = 70);

-- Money kept for a payout. The attempt is the last that was committed; null before the first.
create table earnings.hold (
    -- payout's.
    payout_id text collate "C" not null,
    creator_id text collate "C" not null,
    amount_minor bigint not null,
    currency text not null,
    state text not null,
    attempt integer,
    held_at timestamptz not null,
    changed_at timestamptz not null,
    constraint hold__pk primary key (payout_id),
    constraint hold__amount_positive check (amount_minor > 0),
    constraint hold__state_known check (state in ('held', 'committed', 'released', 'broken')),
    constraint hold__committed_by_attempt check (state <> 'committed' or attempt is not null)
);
create index hold__by_creator on earnings.hold (creator_id, held_at);

-- Which months' money a hold took; it goes back to the same.
create table earnings.hold_part (
    payout_id text collate "C" not null,
    month integer not null,
    program text collate "C" not null,
    amount_minor bigint not null,
    constraint hold_part__pk primary key (payout_id, month, program),
    constraint hold_part__hold foreign key (payout_id) references earnings.hold (payout_id),
    constraint hold_part__amount_positive check (amount_minor > 0)
);

-- One row per sealed month. step and after_account_id say how far the close has come; whoever
-- closes holds this row's lock, so that replicas take turns and a crash loses one turn.
create table earnings.month (
    month integer not null,
    state text not null,
    step text not null,
    after_account_id bigint not null,
    -- The fee in force when the close began: a change of configuration half-way changes nothing.
    fee_bps integer,
    sealed_at timestamptz not null,
    closed_at timestamptz,
    unbalanced_count integer not null,
    root text,
    gross_minor bigint not null,
    fee_minor bigint not null,
    net_minor bigint not null,
    unallocated_minor bigint not null,
    creator_count integer not null,
    constraint month__pk primary key (month),
    constraint month__state_known check (state in ('sealed', 'closing', 'closed', 'stopped')),
    constraint month__step_known check (step in ('compare', 'creators', 'subscribers', 'manifest')),
    constraint month__closed_with_root check
        ((state = 'closed') = (root is not null) and (root is null) = (closed_at is null))
);

-- What the seal says of each kind of fact.
create table earnings.seal_total (
    month integer not null,
    program text collate "C" not null,
    kind text collate "C" not null,
    fact_count bigint not null,
    sum_minor bigint not null,
    digest bigint not null,
    constraint seal_total__pk primary key (month, program, kind),
    constraint seal_total__month foreign key (month) references earnings.month (month)
);

-- The close, per creator and program: the lines of the manifest, and what creators are shown.
create table earnings.creator_month (
    month integer not null,
    program text collate "C" not null,
    creator_id text collate "C" not null,
    gross_minor bigint not null,
    fee_minor bigint not null,
    net_minor bigint not null,
    closed_at timestamptz not null,
    constraint creator_month__pk primary key (creator_id, month, program),
    constraint creator_month__adds_up check
        (gross_minor = fee_minor + net_minor and gross_minor > 0 and fee_minor >= 0
         and net_minor >= 0)
);
create index creator_month__by_month on earnings.creator_month (month);

-- The close, per program: what subscribers left undirected.
create table earnings.rest_month (
    month integer not null,
    program text collate "C" not null,
    rest_minor bigint not null,
    constraint rest_month__pk primary key (month, program),
    constraint rest_month__not_negative check (rest_minor >= 0)
);

-- How a month was closed, in the bytes that its root is the hash of.
create table earnings.manifest (
    month integer not null,
    root text not null,
    text text not null,
    constraint manifest__pk primary key (month)
);

grant usage on schema earnings to earnings_svc, auditor;
grant select on all tables in schema earnings to earnings_svc, auditor;
-- The books are appended to. No right to update, delete or truncate is ever granted on these.
grant insert on earnings.account, earnings.posting, earnings.entry, earnings.hold_part,
    earnings.seal_total, earnings.creator_month, earnings.manifest to earnings_svc;
grant insert, update on earnings.balance, earnings.hold, earnings.month, earnings.rest_month,
    earnings.outbox, earnings.inbox, earnings.dead_letter to earnings_svc;
