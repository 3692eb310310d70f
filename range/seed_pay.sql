-- Tables of the payment and certificate systems; every row is made up.
CREATE ROLE pay_app LOGIN PASSWORD '@pay_app@';
CREATE ROLE cert_app LOGIN PASSWORD '@cert_app@';
CREATE ROLE report_ro LOGIN PASSWORD '@report_ro@';
CREATE ROLE backup_ro LOGIN PASSWORD '@backup_ro@';
CREATE ROLE monitor LOGIN PASSWORD '@monitor@' IN ROLE pg_monitor;
CREATE ROLE dba_liu LOGIN CREATEROLE PASSWORD '@dba_liu@';
CREATE ROLE contract_dev LOGIN PASSWORD '@contract_dev@';
CREATE ROLE dev_chen LOGIN PASSWORD '@dev_chen@';
CREATE DATABASE pay OWNER dba_liu;
CREATE DATABASE cert OWNER dba_liu;
\c pay
CREATE TABLE account (name text PRIMARY KEY, secret text NOT NULL, unit text NOT NULL);
CREATE TABLE notice (no text PRIMARY KEY, payer text, amount_fen bigint, state text, due date);
CREATE TABLE payment (id bigserial PRIMARY KEY, notice text, amount_fen bigint, at timestamptz);
CREATE TABLE refund (id bigserial PRIMARY KEY, payment bigint, approved_by text);
CREATE TABLE stage_import (id bigserial PRIMARY KEY, line text);
INSERT INTO account SELECT 'user' || n, 'pw' || n, 'unit' || n % 40 FROM generate_series(1, 600) n;
INSERT INTO notice SELECT 'N2026' || lpad(n::text, 6, '0'), 'payer' || n, 1000 + n * 7,
  CASE WHEN n % 3 = 0 THEN 'paid' ELSE 'open' END, date '2026-12-01' FROM generate_series(1, 5000) n;
INSERT INTO payment (notice, amount_fen, at) SELECT 'N2026' || lpad(n::text, 6, '0'), 1000, now()
  FROM generate_series(1, 3000) n;
INSERT INTO stage_import (line) SELECT 'row ' || n FROM generate_series(1, 200) n;
GRANT SELECT, INSERT, UPDATE ON account, notice, payment TO pay_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO pay_app;
GRANT SELECT ON notice, payment TO report_ro;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO backup_ro;
GRANT SELECT ON notice TO dev_chen;
ALTER TABLE stage_import OWNER TO contract_dev;
GRANT SELECT ON notice TO contract_dev;
\c cert
CREATE TABLE certificate (no text PRIMARY KEY, holder_no text, kind text, state text);
CREATE TABLE print_log (id bigserial PRIMARY KEY, no text, clerk text);
INSERT INTO certificate SELECT 'C' || lpad(n::text, 8, '0'), 'H' || n, 'residence', 'valid'
  FROM generate_series(1, 5000) n;
GRANT SELECT, INSERT, UPDATE ON certificate, print_log TO cert_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cert_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO backup_ro;
GRANT SELECT ON certificate TO dev_chen;
