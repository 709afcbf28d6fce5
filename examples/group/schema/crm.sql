-- Customers' contacts, prospects, what was said to them, and their forum.
-- The same for PostgreSQL and SQLite, but for the circle of company and contact: `{primary_contact}`.

CREATE TABLE address (
    id integer PRIMARY KEY,
    line text NOT NULL,
    postcode varchar(12),
    city varchar(80) NOT NULL,
    country char(2) NOT NULL
);

CREATE TABLE employee (
    id integer PRIMARY KEY,
    first_name varchar(80) NOT NULL,
    last_name varchar(120) NOT NULL,
    email varchar(254) UNIQUE,
    phone varchar(32),
    job_title varchar(120),
    manager_id integer REFERENCES employee (id),
    hired_on date NOT NULL,
    left_on date
);

CREATE TABLE product (
    code varchar(20) PRIMARY KEY,
    name varchar(120) NOT NULL
);

CREATE TABLE company (
    id integer PRIMARY KEY,
    name varchar(200) NOT NULL,
    registration varchar(40),
    switchboard varchar(32),
    address_id integer NOT NULL REFERENCES address (id) ON DELETE RESTRICT,
    account_owner_id integer REFERENCES employee (id),
    primary_contact_id integer {primary_contact}
);

CREATE TABLE contact (
    id integer PRIMARY KEY,
    company_id integer REFERENCES company (id),
    first_name varchar(120),
    last_name varchar(240) NOT NULL,
    email varchar(254),
    phone varchar(32),
    job_title varchar(120),
    address_id integer REFERENCES address (id) ON DELETE RESTRICT,
    account_owner_id integer REFERENCES employee (id),
    referred_by_id integer REFERENCES contact (id) ON DELETE SET NULL,
    interest_score integer CHECK (interest_score BETWEEN 0 AND 100),
    preferences json,
    restricted boolean NOT NULL DEFAULT false,
    created_on date NOT NULL,
    last_active_on date NOT NULL
);

CREATE TABLE lead (
    id integer PRIMARY KEY,
    full_name varchar(240) NOT NULL,
    email varchar(254),
    phone varchar(32),
    company_name varchar(200),
    job_title varchar(120),
    source varchar(40) NOT NULL,
    account_owner_id integer REFERENCES employee (id),
    notes text,
    created_on date NOT NULL,
    last_contact_on date NOT NULL
);

CREATE TABLE interaction (
    id integer PRIMARY KEY,
    contact_id integer NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    employee_id integer REFERENCES employee (id),
    product_code varchar(20) REFERENCES product (code),
    kind varchar(20) NOT NULL,
    happened_at timestamp NOT NULL,
    notes text
);

CREATE TABLE forum_thread (
    id integer PRIMARY KEY,
    opened_by integer NOT NULL REFERENCES contact (id),
    title varchar(200) NOT NULL,
    opened_at timestamp NOT NULL
);

CREATE TABLE forum_post (
    id integer PRIMARY KEY,
    thread_id integer NOT NULL REFERENCES forum_thread (id) ON DELETE CASCADE,
    author_id integer NOT NULL REFERENCES contact (id),
    parent_id integer REFERENCES forum_post (id),
    body text NOT NULL,
    posted_at timestamp NOT NULL
);

CREATE TABLE direct_message (
    id integer PRIMARY KEY,
    sender_id integer NOT NULL REFERENCES contact (id),
    recipient_id integer REFERENCES contact (id),
    recipient_name varchar(240),
    sender_note text,
    body text NOT NULL,
    sent_at timestamp NOT NULL
);

-- A contract is in use until it ends; then it is moved here, where only those read it who defend
-- claims from it, until these lapse.  On PostgreSQL nobody but the owner may read a new table.
CREATE TABLE contract (
    id integer PRIMARY KEY,
    reference varchar(20) NOT NULL,
    company_id integer NOT NULL REFERENCES company (id),
    signatory varchar(240) NOT NULL,
    signatory_email varchar(254),
    product_code varchar(20) NOT NULL REFERENCES product (code),
    signed_on date NOT NULL,
    ended_on date
);

CREATE TABLE contract_archive (
    id integer PRIMARY KEY,
    reference varchar(20) NOT NULL,
    company_id integer NOT NULL REFERENCES company (id),
    signatory varchar(240) NOT NULL,
    signatory_email varchar(254),
    product_code varchar(20) NOT NULL REFERENCES product (code),
    signed_on date NOT NULL,
    ended_on date,
    put_by text,
    put_on date
);

CREATE INDEX contract_email ON contract (signatory_email);
CREATE INDEX contract_archive_email ON contract_archive (signatory_email);
CREATE INDEX contract_archive_put_by ON contract_archive (put_by);
CREATE INDEX contact_email ON contact (email);
CREATE INDEX contact_company ON contact (company_id);
CREATE INDEX contact_address ON contact (address_id);
CREATE INDEX lead_email ON lead (email);
CREATE INDEX interaction_contact ON interaction (contact_id);
CREATE INDEX interaction_employee ON interaction (employee_id);
CREATE INDEX forum_post_author ON forum_post (author_id);
CREATE INDEX forum_post_thread ON forum_post (thread_id);
CREATE INDEX direct_message_sender ON direct_message (sender_id);
CREATE INDEX direct_message_recipient ON direct_message (recipient_id);
