-- ALWAYS: a session that plays a replica (session_replication_role) skips ordinary triggers.

alter table {schema}.access_records enable always trigger access_records_stay;
