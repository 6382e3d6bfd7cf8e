-- One page of a program at a time: whose turn it is to make one, and what Stripe was asked for it.
set local lock_timeout = '5s';

-- Held from the look for other pages until the new one is written down, so that two checkouts of one
-- subscriber take turns, on whichever replica. A turn whose process died comes free with its lease.
create table billing.checkout_turn (
    subscriber_id text not null,
    program text not null,
    turn_id text not null,
    leased_until_wall_at timestamptz not null,
    constraint checkout_turn__pk primary key (subscriber_id, program)
);

alter table billing.checkout
    -- The order as Stripe is given it, and its idempotency key; null where none is on its way. Without
    -- a session beside it nobody knows what became of it: whoever has the next turn sends it again.
    add column stripe_order text,
    add column order_key text,
    -- When Stripe closes the page by itself.
    add column page_closes_at timestamptz,
    add constraint checkout__order_whole check ((stripe_order is null) = (order_key is null)
                                                and (stripe_order is null) = (page_closes_at is null));
create index checkout__unsettled on billing.checkout (subscriber_id)
    where order_key is not null and session_id is null;

alter table billing.work drop constraint work__kind_known;
alter table billing.work add constraint work__kind_known
    check (kind in ('read_subscription', 'read_invoice', 'read_unpaid', 'close_pages'));

grant select on billing.checkout_turn to billing_svc, auditor;
grant insert, update on billing.checkout_turn to billing_svc;
