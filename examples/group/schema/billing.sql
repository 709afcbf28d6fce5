-- Invoices and what was paid.  Nothing that the accounts rest on can be removed by accident
-- (RESTRICT), and every change of a customer leaves a trace without any value.

CREATE TABLE customer (
    id integer PRIMARY KEY,
    contact_name varchar(240) NOT NULL,
    email varchar(254),
    phone varchar(32),
    company_name varchar(200) NOT NULL,
    vat_number varchar(20),
    address_line text NOT NULL,
    postcode varchar(12),
    city varchar(80) NOT NULL,
    country char(2) NOT NULL,
    restricted boolean NOT NULL DEFAULT 0 CHECK (restricted IN (0, 1)),
    created_on date NOT NULL
);

CREATE TABLE invoice (
    id integer PRIMARY KEY,
    number varchar(20) NOT NULL UNIQUE,
    customer_id integer NOT NULL REFERENCES customer (id) ON DELETE RESTRICT,
    customer_name varchar(240) NOT NULL,
    sent_to varchar(254),
    issued_on date NOT NULL,
    due_on date NOT NULL,
    closing_on date NOT NULL,
    total_cents integer NOT NULL CHECK (total_cents >= 0),
    currency char(3) NOT NULL CHECK (length(currency) = 3),
    note text
);

CREATE TABLE invoice_line (
    invoice_id integer NOT NULL REFERENCES invoice (id) ON DELETE RESTRICT,
    line_no integer NOT NULL,
    closing_on date NOT NULL,
    description varchar(200) NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_cents integer NOT NULL,
    PRIMARY KEY (invoice_id, line_no)
);

CREATE TABLE payment (
    id integer PRIMARY KEY,
    invoice_id integer NOT NULL REFERENCES invoice (id) ON DELETE RESTRICT,
    closing_on date NOT NULL,
    paid_on date NOT NULL,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    method varchar(20) NOT NULL,
    account_ending char(4),
    payer_label varchar(140)
);

CREATE TABLE credit_note (
    id integer PRIMARY KEY,
    number varchar(20) NOT NULL UNIQUE,
    invoice_id integer NOT NULL REFERENCES invoice (id) ON DELETE RESTRICT,
    issued_on date NOT NULL,
    closing_on date NOT NULL,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    reason text
);

CREATE TABLE audit_trail (
    id integer PRIMARY KEY,
    changed_table varchar(40) NOT NULL,
    changed_row integer NOT NULL,
    what varchar(20) NOT NULL,
    changed_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TRIGGER customer_changed AFTER UPDATE ON customer
BEGIN
    INSERT INTO audit_trail (changed_table, changed_row, what) VALUES ('customer', new.id, 'changed');
END;

CREATE TRIGGER invoice_changed AFTER UPDATE OF total_cents, issued_on, number ON invoice
BEGIN
    INSERT INTO audit_trail (changed_table, changed_row, what) VALUES ('invoice', new.id, 'changed');
END;

CREATE TRIGGER invoice_removed AFTER DELETE ON invoice
BEGIN
    INSERT INTO audit_trail (changed_table, changed_row, what) VALUES ('invoice', old.id, 'removed');
END;

CREATE INDEX customer_email ON customer (email);
CREATE INDEX invoice_customer ON invoice (customer_id);
CREATE INDEX payment_invoice ON payment (invoice_id);
CREATE INDEX credit_note_invoice ON credit_note (invoice_id);
