-- A small shop, indexed: eleven tables, some with composite keys, some linked by e-mail only,
-- addresses that several rows share.  No foreign keys, as in many shops.
CREATE TABLE product (id int PRIMARY KEY, name text, price numeric);
CREATE TABLE address (id bigint PRIMARY KEY, house int, street text, city text, state text, zip text);
CREATE TABLE customer (id int PRIMARY KEY, email text, name text, created timestamp, address_id bigint);
CREATE TABLE employee (id int PRIMARY KEY, email text, name text, address_id bigint);
CREATE TABLE payment_card (id text PRIMARY KEY, name text, ccn bigint, code smallint, preferred boolean,
                           customer_id int, billing_address_id bigint);
CREATE TABLE orders (id text PRIMARY KEY, customer_id int, shipping_address_id bigint, payment_card_id text);
CREATE TABLE order_item (order_id text, item_no smallint, product_id int, quantity smallint,
                         PRIMARY KEY (order_id, item_no));
CREATE TABLE visit (email text, last_visit timestamp, PRIMARY KEY (email, last_visit));
CREATE TABLE login (id bigint PRIMARY KEY, customer_id int, "time" timestamp);
CREATE TABLE service_request (id text PRIMARY KEY, email text, alt_email text, opened date, closed date,
                              employee_id int);
CREATE TABLE report (id int PRIMARY KEY, email text, name text, year int, month int, total_visits int);
