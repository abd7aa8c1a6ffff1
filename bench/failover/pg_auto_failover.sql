-- The monitor of pg_auto_failover: its default is a check every 5 s with a timeout of 5 s, 2 retries 2 s apart, a node
-- unhealthy after 20 s, and 30 s for a primary to demote itself.
ALTER SYSTEM SET pgautofailover.health_check_period = 500;
ALTER SYSTEM SET pgautofailover.health_check_timeout = 500;
ALTER SYSTEM SET pgautofailover.health_check_max_retries = 1;
ALTER SYSTEM SET pgautofailover.health_check_retry_delay = 500;
ALTER SYSTEM SET pgautofailover.node_considered_unhealthy_timeout = 3000;
ALTER SYSTEM SET pgautofailover.primary_demote_timeout = 3000;
ALTER SYSTEM SET pgautofailover.startup_grace_period = 1000;
SELECT pg_reload_conf();
