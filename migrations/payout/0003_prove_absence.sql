-- An order that is not found at Stripe may be on its way still: that it is absent is believed when
-- it was seen twice, with time between.
set local lock_timeout = '5s';

alter table payout.attempt
    -- Business time of the first look that did not find what was ordered.
    add column absent_since timestamptz;

grant select, insert, update on payout.attempt to payout_svc;
grant select on payout.attempt to auditor;
