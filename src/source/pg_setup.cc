#include "source/pg_setup.h"

#include "base/clock.h"
#include "source/pg_link.h"
#include "source/pg_url.h"

namespace livehub::source {
namespace {

constexpr int64_t kConnectMs = 15'000;

// Functions run with the rights of whoever applied this, so that the application needs none on the
// table; their search_path is fixed, and temporary tables come last in it.
constexpr std::string_view kSql =
    R"sql(-- livehub: an outbox for live updates. Safe to apply again. PostgreSQL 13 or later.
--   livehub pg-setup | psql "$DATABASE_URL"      or      livehub pg-setup --apply
-- Start livehub with PG_OUTBOX=1 afterwards. Its role needs SELECT, UPDATE and DELETE on
-- livehub_outbox, where it is not the one that applied this.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Rows are ordered by (xid, id). The id alone would not do: ids are drawn before the commit, and
-- transactions commit in another order.
CREATE TABLE IF NOT EXISTS livehub_outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  channel text NOT NULL,
  payload text NOT NULL,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (xid, id)
);
CREATE INDEX IF NOT EXISTS livehub_outbox_created ON livehub_outbox (created);

-- Sends a message, of any size, when the transaction commits. For the application to call:
--   GRANT EXECUTE ON FUNCTION livehub_publish(text, text) TO your_application;
CREATE OR REPLACE FUNCTION livehub_publish(channel text, payload text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO livehub_outbox (channel, payload)
  VALUES (livehub_publish.channel, livehub_publish.payload);
  PERFORM pg_notify('livehub_outbox', '');  -- one wake-up a transaction: equal ones are folded
END $$;
REVOKE ALL ON FUNCTION livehub_publish(text, text) FROM PUBLIC;

-- For any table: FOR EACH ROW EXECUTE FUNCTION livehub_row_changed('userId'), or with a second
-- argument, what the channel's name begins with ('user_<table>_' without one). The column says
-- whose row it is; rows where it is null are nobody's.
CREATE OR REPLACE FUNCTION livehub_row_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  changed json := CASE WHEN TG_OP = 'DELETE' THEN row_to_json(OLD) ELSE row_to_json(NEW) END;
  owner text := changed ->> coalesce(TG_ARGV[0], 'userId');
BEGIN
  IF owner IS NOT NULL THEN
    PERFORM livehub_publish(
      coalesce(TG_ARGV[1], 'user_' || lower(TG_TABLE_NAME) || '_') || owner,
      json_build_object('operation', TG_OP, 'data', changed,
        'timestamp', round(extract(epoch FROM clock_timestamp()) * 1000))::text);
  END IF;
  RETURN NULL;
END $$;

-- SELECT livehub_watch('"Orders"', 'userId'); and back: SELECT livehub_unwatch('"Orders"');
CREATE OR REPLACE FUNCTION livehub_watch(watched regclass, user_column text DEFAULT 'userId')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM pg_attribute
   WHERE attrelid = watched AND attname = user_column AND attnum > 0 AND NOT attisdropped;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'table % has no column "%"', watched, user_column;
  END IF;
  EXECUTE format('DROP TRIGGER IF EXISTS livehub_changes ON %s', watched);
  EXECUTE format('CREATE TRIGGER livehub_changes AFTER INSERT OR UPDATE OR DELETE ON %s'
    ' FOR EACH ROW EXECUTE FUNCTION livehub_row_changed(%L)', watched, user_column);
END $$;
CREATE OR REPLACE FUNCTION livehub_unwatch(watched regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP TRIGGER IF EXISTS livehub_changes ON %s', watched);
END $$;

-- The two tables of profile pg-updates, where they are here.
SELECT livehub_watch(c.oid::regclass)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'userId' AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
   AND c.relname IN ('Subscription', 'Usage');
COMMIT;
)sql";

}  // namespace

std::string_view pg_setup_sql() { return kSql; }

std::string apply_pg_setup(std::string_view url, std::string_view setting) {
  std::string problem;
  const auto address = parse_pg_address(url, setting, problem);
  if (!address) return problem;
  const PgSignal never;
  const PgHandle connection =
      pg_connect(*address, never, base::monotonic_ms() + kConnectMs, problem);
  if (!connection) return "The database cannot be reached: " + problem + ".";
  const PgRows result(PQexec(connection.get(), std::string(kSql).c_str()));
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  return "Nothing was changed: " + pg_one_line(PQresultErrorMessage(result.get())) + ".";
}

}  // namespace livehub::source
