-- Rows for {n} customers, about 25 each, and three more customers of 40,000 rows each.
INSERT INTO product SELECT i, 'product ' || i, 20 FROM generate_series(1, 1000) i;
INSERT INTO address SELECT i, i % 300, 'street ' || i % 5000, 'city ' || i % 400, 'NY', lpad((i % 99999)::text, 5, '0')
  FROM generate_series(1, {n} + 100) i;
INSERT INTO customer
  SELECT i, 'someone-' || i || '@shop.example', 'Name ' || i, now() - i * interval '1 minute', i
  FROM generate_series(1, {n}) i;
INSERT INTO employee SELECT i, 'staff-' || i || '@shop.example', 'Staff ' || i, {n} + i FROM generate_series(1, 100) i;
INSERT INTO payment_card
  SELECT 'pay_' || i, 'Card ' || i, 4000000000000000 + i, i % 999, true, i, i FROM generate_series(1, {n}) i;
INSERT INTO orders
  SELECT 'ord_' || i || '_' || k, i, i, 'pay_' || i FROM generate_series(1, {n}) i, generate_series(1, 3) k;
INSERT INTO order_item
  SELECT 'ord_' || i || '_' || k, j, (i + j) % 1000 + 1, j
  FROM generate_series(1, {n}) i, generate_series(1, 3) k, generate_series(1, 2) j;
INSERT INTO visit
  SELECT 'someone-' || i || '@shop.example', now() - k * interval '1 day'
  FROM generate_series(1, {n}) i, generate_series(1, 3) k;
INSERT INTO login
  SELECT i * 8::bigint + k, i, now() - k * interval '1 hour' FROM generate_series(1, {n}) i, generate_series(1, 8) k;
INSERT INTO service_request
  SELECT 'ser_' || i, 'someone-' || i || '@shop.example', 'other-' || i || '@mail.example',
         current_date - 30, current_date - 20, i % 100 + 1
  FROM generate_series(1, {n}) i;
INSERT INTO report
  SELECT i, 'reports@shop.example', 'Monthly', 2020 + i / 12, i % 12 + 1, 100 FROM generate_series(1, 60) i;
INSERT INTO customer VALUES ({n} + 1, 'someone-heavy@shop.example', 'Name heavy', now(), NULL),
                            ({n} + 2, 'someone-big@shop.example', 'Name big', now(), NULL),
                            ({n} + 3, 'someone-large@shop.example', 'Name large', now(), NULL);
INSERT INTO login
  SELECT ({n} + 10) * 8::bigint + i * 20000 + k, {n} + 1 + i, now()
  FROM generate_series(0, 2) i, generate_series(1, 20000) k;
INSERT INTO visit
  SELECT email, now() - k * interval '1 second' FROM generate_series(1, 19999) k, customer WHERE id > {n};
CREATE INDEX ON customer (email);
CREATE INDEX ON customer (address_id);
CREATE INDEX ON employee (email);
CREATE INDEX ON employee (address_id);
CREATE INDEX ON payment_card (customer_id);
CREATE INDEX ON payment_card (billing_address_id);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (shipping_address_id);
CREATE INDEX ON orders (payment_card_id);
CREATE INDEX ON login (customer_id);
CREATE INDEX ON service_request (email);
CREATE INDEX ON service_request (employee_id);
VACUUM ANALYZE;
