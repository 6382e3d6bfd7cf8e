-- The login roles: one per service, and the auditor, who reads everything and writes nothing.
--
-- Run before the services' own migrations, by a role that may create roles, as often as you like.
-- A role may connect, and no more: each service's migrations grant what it needs in its own
-- schema. Passwords are not set here: whoever runs this sets them with `alter role … password`.
--
-- Roles belong to the whole cluster, so two databases of one cluster may run this at once: the
-- loser of such a race finds the role made, or the setting being made, and goes on.

do $$
declare
    role_name text;
    setting text;
begin
    foreach role_name in array array[
        'gateway_svc', 'billing_svc', 'allocation_svc', 'earnings_svc', 'payout_svc',
        'fraud_limits_svc', 'balance_monitor_svc', 'webhook_ingest_svc', 'notifier_svc', 'auditor'
    ] loop
        if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
            begin
                execute format(
                    'create role %I login nosuperuser nocreatedb nocreaterole noinherit',
                    role_name
                );
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;

        foreach setting in array array[
            'statement_timeout=30s', 'lock_timeout=10s', 'idle_in_transaction_session_timeout=30s'
        ] || case role_name
            when 'auditor' then array['default_transaction_read_only=on']
            else array[]::text[]
        end loop
            if not exists (
                select from pg_catalog.pg_db_role_setting s
                join pg_catalog.pg_roles r on r.oid = s.setrole
                where r.rolname = role_name and s.setdatabase = 0 and setting = any (s.setconfig)
            ) then
                begin
                    execute format(
                        'alter role %I set %I = %L',
                        role_name, split_part(setting, '=', 1), split_part(setting, '=', 2)
                    );
                -- "tuple concurrently updated"; "… inserted" is a unique violation.
                exception when internal_error or unique_violation then
                    null;
                end;
            end if;
        end loop;
    end loop;

    -- Strangers of the same cluster stay outside of this database, and nobody makes tables in the
    -- schema that every search path ends with.
    execute format('revoke all on database %I from public', current_database());
    execute 'revoke create on schema public from public';
    foreach role_name in array array[
        'gateway_svc', 'billing_svc', 'allocation_svc', 'earnings_svc', 'payout_svc',
        'fraud_limits_svc', 'balance_monitor_svc', 'webhook_ingest_svc', 'notifier_svc', 'auditor'
    ] loop
        execute format('grant connect on database %I to %I', current_database(), role_name);
    end loop;
end
$$;
