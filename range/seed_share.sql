-- Tables of the data-sharing exchange; every row is made up.
CREATE ROLE share_app LOGIN PASSWORD '@share_app@';
CREATE ROLE share_ro LOGIN PASSWORD '@share_ro@';
CREATE ROLE backup_ro LOGIN PASSWORD '@backup_ro@';
CREATE ROLE etl_share LOGIN PASSWORD '@etl_share@';
CREATE ROLE monitor LOGIN PASSWORD '@monitor@' IN ROLE pg_monitor;
CREATE ROLE dba_liu LOGIN CREATEROLE PASSWORD '@dba_liu@';
CREATE ROLE dev_chen LOGIN PASSWORD '@dev_chen@';
CREATE DATABASE share OWNER dba_liu;
\c share
CREATE TABLE catalog (id bigint PRIMARY KEY, title text, unit text, level int);
CREATE TABLE grant_list (unit text, catalog bigint, until date);
CREATE TABLE exchange_log (id bigserial PRIMARY KEY, unit text, catalog bigint, rows int);
CREATE TABLE citizen_stub (holder_no text PRIMARY KEY, note text);
CREATE TABLE api_secret (unit text PRIMARY KEY, secret text);
INSERT INTO catalog SELECT n, '目录' || n, '单位' || n % 30, n % 4 FROM generate_series(1, 2000) n;
INSERT INTO grant_list SELECT 'unit' || n % 30, n, date '2027-01-01' FROM generate_series(1, 900) n;
GRANT SELECT ON catalog, grant_list TO share_app, share_ro, dev_chen;
GRANT SELECT, INSERT ON exchange_log TO share_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO share_app, etl_share;
GRANT SELECT, INSERT, UPDATE ON catalog, grant_list, exchange_log, citizen_stub TO etl_share;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO backup_ro;
