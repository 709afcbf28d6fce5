-- Help, newsletter, surveys and page views.  Grown over the years: no foreign keys, people are
-- linked by e-mail address (agents by number), and page views carry it inside JSON.

CREATE TABLE agent (
    id integer PRIMARY KEY,
    email varchar(254) UNIQUE,
    name varchar(240) NOT NULL
);

CREATE TABLE account (
    id integer PRIMARY KEY,
    email varchar(254) NOT NULL UNIQUE,
    name varchar(240),
    phone varchar(32),
    created_on date NOT NULL,
    last_seen_on date NOT NULL
);

CREATE TABLE article (
    id integer PRIMARY KEY,
    title varchar(200) NOT NULL
);

CREATE TABLE ticket (
    id integer PRIMARY KEY,
    requester_email varchar(254) NOT NULL,
    cc_email varchar(254),
    agent_id integer,
    subject varchar(200) NOT NULL,
    body text NOT NULL,
    status varchar(12) NOT NULL,
    opened_at timestamp NOT NULL,
    closed_on date
);

CREATE TABLE ticket_comment (
    id integer PRIMARY KEY,
    ticket_id integer,
    author_email varchar(254),
    agent_id integer,
    body text,
    written_at timestamp NOT NULL
);

CREATE TABLE attachment (
    id integer PRIMARY KEY,
    ticket_id integer NOT NULL,
    file_name varchar(200) NOT NULL,
    content text
);

CREATE TABLE newsletter (
    email varchar(254) PRIMARY KEY NOT NULL,
    first_name varchar(120),
    language char(2) NOT NULL,
    subscribed_on date NOT NULL,
    last_sign_on date NOT NULL,
    ended_on date
);

CREATE TABLE survey (
    id integer PRIMARY KEY,
    title varchar(200) NOT NULL,
    opened_on date NOT NULL
);

CREATE TABLE survey_answer (
    id integer PRIMARY KEY,
    survey_id integer NOT NULL,
    email varchar(254),
    score integer,
    remark text,
    answered_on date NOT NULL
);

CREATE TABLE page_view (
    id integer PRIMARY KEY,
    seen_at timestamp NOT NULL,
    path varchar(200) NOT NULL,
    payload json NOT NULL,
    visitor_email text GENERATED ALWAYS AS (json_extract(payload, '$.email')) VIRTUAL
);

CREATE TABLE app_log (
    id integer PRIMARY KEY,
    logged_at timestamp NOT NULL,
    level varchar(8) NOT NULL,
    message text NOT NULL
);

CREATE INDEX ticket_requester ON ticket (requester_email);
CREATE INDEX ticket_agent ON ticket (agent_id);
CREATE INDEX ticket_comment_ticket ON ticket_comment (ticket_id);
CREATE INDEX ticket_comment_author ON ticket_comment (author_email);
CREATE INDEX attachment_ticket ON attachment (ticket_id);
CREATE INDEX survey_answer_email ON survey_answer (email);
CREATE INDEX page_view_visitor ON page_view (visitor_email);
