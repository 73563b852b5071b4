//! What has to hold. Each query finds what does not: of what, what it says, what was found instead.

/// Name and query.
pub const CHECKS: [(&str, &str); 19] = [
    (
        "the postings of an entry come to nothing",
        "SELECT 'entry ' || entry_id AS subject, 0 AS says, sum(amount) AS found FROM postings GROUP BY entry_id HAVING sum(amount) <> 0",
    ),
    (
        "an issued invoice is in the books as it stands",
        "SELECT 'invoice ' || v.id || ' on ' || e.account AS subject, e.amount AS says, coalesce(p.amount, 0) AS found \
         FROM invoices v \
         CROSS JOIN LATERAL (VALUES ('RECEIVABLE', v.total), ('REVENUE', v.discount - v.subtotal), ('OUTPUT_CGST', -v.cgst), \
             ('OUTPUT_SGST', -v.sgst), ('OUTPUT_IGST', -v.igst), ('ROUND_OFF', -v.round_off)) AS e (account, amount) \
         LEFT JOIN journal_entries j ON j.kind = 'ISSUE' AND j.source_id = v.id AND j.invoice_id = v.id AND j.dated = v.dated \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = e.account \
         WHERE v.status <> 'DRAFT' AND coalesce(p.amount, 0) <> e.amount",
    ),
    (
        "an entry is of something that is there",
        "SELECT 'entry ' || j.id AS subject, j.kind || ' of ' || j.source_id AS says, 'nothing' AS found FROM journal_entries j \
         WHERE CASE j.kind \
             WHEN 'ISSUE' THEN NOT EXISTS (SELECT FROM invoices v WHERE v.id = j.source_id AND v.status <> 'DRAFT') \
             WHEN 'PAYMENT' THEN NOT EXISTS (SELECT FROM payments p WHERE p.id = j.source_id AND p.invoice_id = j.invoice_id \
                 AND p.status IN ('COMPLETED', 'RETURNED')) \
             WHEN 'REFUND' THEN NOT EXISTS (SELECT FROM refunds r WHERE r.id = j.source_id AND r.invoice_id = j.invoice_id) \
             WHEN 'REFUND_SENT' THEN NOT EXISTS (SELECT FROM refunds r WHERE r.id = j.source_id AND r.method = 'ONLINE' \
                 AND r.status = 'COMPLETED') \
             WHEN 'CREDIT_NOTE' THEN NOT EXISTS (SELECT FROM credit_notes c WHERE c.id = j.source_id AND c.invoice_id = j.invoice_id) \
             WHEN 'ADVANCE' THEN NOT EXISTS (SELECT FROM advances a WHERE a.id = j.source_id) \
             WHEN 'ADVANCE_REFUND' THEN NOT EXISTS (SELECT FROM refund_vouchers f WHERE f.id = j.source_id) \
             WHEN 'DAY_CLOSE' THEN NOT EXISTS (SELECT FROM day_closes c WHERE c.id = j.source_id) \
             ELSE false END",
    ),
    (
        "a payment is in the books on its method's account",
        "SELECT 'payment ' || y.id AS subject, y.amount AS says, coalesce(p.amount, 0) AS found FROM payments y \
         JOIN ledger_accounts a ON a.method = y.method \
         LEFT JOIN journal_entries j ON j.kind = 'PAYMENT' AND j.source_id = y.id AND j.invoice_id = y.invoice_id \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = a.code \
         WHERE y.status IN ('COMPLETED', 'RETURNED') AND coalesce(p.amount, 0) <> y.amount",
    ),
    (
        "a payment takes from what its invoice owes",
        "SELECT 'payment ' || y.id AS subject, -y.amount AS says, coalesce(p.amount, 0) AS found FROM payments y \
         LEFT JOIN journal_entries j ON j.kind = 'PAYMENT' AND j.source_id = y.id \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = CASE y.status WHEN 'RETURNED' THEN 'UNAPPLIED' ELSE 'RECEIVABLE' END \
         WHERE y.status IN ('COMPLETED', 'RETURNED') AND coalesce(p.amount, 0) <> -y.amount",
    ),
    (
        "a refund is in the books",
        "SELECT 'refund ' || r.id AS subject, r.amount AS says, coalesce(p.amount, 0) AS found FROM refunds r \
         JOIN payments y ON y.id = r.payment_id \
         LEFT JOIN journal_entries j ON j.kind = 'REFUND' AND j.source_id = r.id \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = CASE y.status WHEN 'RETURNED' THEN 'UNAPPLIED' ELSE 'RECEIVABLE' END \
         WHERE coalesce(p.amount, 0) <> r.amount",
    ),
    (
        "what is on its way back is what pending refunds come to",
        "SELECT 'REFUNDS_PAYABLE' AS subject, pending.amount AS says, -booked.amount AS found \
         FROM (SELECT coalesce(sum(amount), 0) AS amount FROM refunds WHERE status = 'PENDING') AS pending, \
              (SELECT coalesce(sum(amount), 0) AS amount FROM postings WHERE account = 'REFUNDS_PAYABLE') AS booked \
         WHERE pending.amount <> -booked.amount",
    ),
    (
        "a payment's refunds come to what it says was refunded, and to no more than it was",
        "SELECT 'payment ' || y.id AS subject, y.refunded AS says, coalesce(r.amount, 0) AS found FROM payments y \
         LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM refunds GROUP BY 1) r ON r.payment_id = y.id \
         WHERE coalesce(r.amount, 0) <> y.refunded OR y.refunded > y.amount",
    ),
    (
        "an invoice's payments less refunds come to what it says was paid",
        "SELECT 'invoice ' || v.id AS subject, v.amount_paid AS says, coalesce(y.amount, 0) AS found FROM invoices v \
         LEFT JOIN (SELECT invoice_id, sum(amount - refunded) AS amount FROM payments WHERE status = 'COMPLETED' GROUP BY 1) y \
             ON y.invoice_id = v.id \
         WHERE v.amount_paid <> coalesce(y.amount, 0) OR v.amount_paid > v.total",
    ),
    (
        "an invoice owes in the books what it says",
        "SELECT 'invoice ' || v.id AS subject, CASE WHEN c.credited THEN 0 ELSE v.total END - v.amount_paid AS says, \
                coalesce(b.amount, 0) AS found \
         FROM invoices v \
         LEFT JOIN (SELECT j.invoice_id, sum(p.amount) AS amount FROM journal_entries j JOIN postings p ON p.entry_id = j.id \
                    WHERE p.account = 'RECEIVABLE' GROUP BY 1) b ON b.invoice_id = v.id \
         CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM journal_entries j WHERE j.invoice_id = v.id AND j.kind = 'CREDIT_NOTE') AS credited) c \
         WHERE v.status <> 'DRAFT' AND CASE WHEN c.credited THEN 0 ELSE v.total END - v.amount_paid <> coalesce(b.amount, 0)",
    ),
    (
        "a cancelled invoice has a credit note of all of it, and that is in the books",
        "SELECT 'invoice ' || v.id AS subject, v.status || ' of ' || v.total AS says, \
                coalesce('a credit note of ' || c.total, 'no credit note') || ', ' || j.entries || ' entries' AS found \
         FROM invoices v LEFT JOIN credit_notes c ON c.invoice_id = v.id \
         CROSS JOIN LATERAL (SELECT count(*) AS entries FROM journal_entries \
                             WHERE kind = 'CREDIT_NOTE' AND source_id = c.id AND invoice_id = v.id) j \
         WHERE (v.status = 'CANCELLED' OR c.id IS NOT NULL) \
             AND (v.status <> 'CANCELLED' OR c.total IS DISTINCT FROM v.total OR j.entries <> 1)",
    ),
    (
        "an invoice's status is that of its amounts",
        "SELECT 'invoice ' || id AS subject, status AS says, amount_paid || ' of ' || total AS found FROM invoices \
         WHERE CASE status WHEN 'ISSUED' THEN amount_paid <> 0 WHEN 'PARTIALLY_PAID' THEN amount_paid NOT BETWEEN 1 AND total - 1 \
             WHEN 'PAID' THEN amount_paid <> total WHEN 'OVERDUE' THEN amount_paid >= total WHEN 'REFUNDED' THEN amount_paid <> 0 \
             ELSE false END",
    ),
    (
        "an invoice's lines come to its amounts",
        "SELECT 'invoice ' || v.id AS subject, ROW(v.subtotal, v.discount, v.cgst, v.sgst, v.igst, v.total) AS says, \
                ROW(i.gross, i.discount, i.cgst, i.sgst, i.igst, i.gross - i.discount + i.cgst + i.sgst + i.igst + v.round_off) AS found \
         FROM invoices v LEFT JOIN ( \
             SELECT invoice_id, sum(gross) AS gross, sum(discount) AS discount, sum(cgst) AS cgst, sum(sgst) AS sgst, sum(igst) AS igst \
             FROM invoice_items GROUP BY 1) i ON i.invoice_id = v.id \
         WHERE (v.subtotal, v.discount, v.cgst, v.sgst, v.igst, v.total) IS DISTINCT FROM \
               (i.gross, i.discount, i.cgst, i.sgst, i.igst, i.gross - i.discount + i.cgst + i.sgst + i.igst + v.round_off) \
            OR v.total % 100 <> 0 OR v.round_off NOT BETWEEN -49 AND 50",
    ),
    (
        "an advance is in the books",
        "SELECT 'advance ' || a.id || ' on ' || e.account AS subject, e.amount AS says, coalesce(p.amount, 0) AS found \
         FROM advances a JOIN ledger_accounts l ON l.method = a.method \
         CROSS JOIN LATERAL (VALUES (l.code, a.amount), ('ADVANCES', -a.amount)) AS e (account, amount) \
         LEFT JOIN journal_entries j ON j.kind = 'ADVANCE' AND j.source_id = a.id AND j.dated = a.dated \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = e.account WHERE coalesce(p.amount, 0) <> e.amount",
    ),
    (
        "a refund voucher is in the books",
        "SELECT 'refund voucher ' || f.id || ' on ' || e.account AS subject, e.amount AS says, coalesce(p.amount, 0) AS found \
         FROM refund_vouchers f JOIN ledger_accounts l ON l.method = f.method \
         CROSS JOIN LATERAL (VALUES (l.code, -f.amount), ('ADVANCES', f.amount)) AS e (account, amount) \
         LEFT JOIN journal_entries j ON j.kind = 'ADVANCE_REFUND' AND j.source_id = f.id AND j.dated = f.dated \
         LEFT JOIN postings p ON p.entry_id = j.id AND p.account = e.account WHERE coalesce(p.amount, 0) <> e.amount",
    ),
    (
        "what an advance says was used and given back is what its payments and refund vouchers come to",
        "SELECT 'advance ' || a.id AS subject, ROW(a.used, a.refunded) AS says, ROW(coalesce(y.amount, 0), coalesce(f.amount, 0)) AS found \
         FROM advances a \
         LEFT JOIN (SELECT advance_id, sum(amount - refunded) AS amount FROM payments WHERE advance_id IS NOT NULL GROUP BY 1) y \
             ON y.advance_id = a.id \
         LEFT JOIN (SELECT advance_id, sum(amount) AS amount FROM refund_vouchers GROUP BY 1) f ON f.advance_id = a.id \
         WHERE a.used <> coalesce(y.amount, 0) OR a.refunded <> coalesce(f.amount, 0) OR a.used < 0 OR a.used + a.refunded > a.amount",
    ),
    (
        "what is held for patients is what is left of their advances",
        "SELECT 'ADVANCES' AS subject, held.amount AS says, -booked.amount AS found \
         FROM (SELECT coalesce(sum(amount - used - refunded), 0) AS amount FROM advances) AS held, \
              (SELECT coalesce(sum(amount), 0) AS amount FROM postings WHERE account = 'ADVANCES') AS booked \
         WHERE held.amount <> -booked.amount",
    ),
    (
        "numbers run from 1 with none missing and none twice, up to where the counter stands",
        // a series of which all documents are gone has its counter still
        "SELECT 'series ' || coalesce(n.series, c.series) || ' of ' || coalesce(n.financial_year, c.financial_year) AS subject, \
                coalesce(c.last_serial, 0) AS says, \
                coalesce(n.first || ' to ' || n.last || ', ' || n.several || ' of them', 'none of them') AS found \
         FROM (SELECT supplier_gstin, series, financial_year, min(serial) AS first, max(serial) AS last, count(DISTINCT serial) AS several \
               FROM (SELECT supplier_gstin, series, financial_year, serial FROM invoices WHERE serial IS NOT NULL \
                     UNION ALL SELECT supplier_gstin, series, financial_year, serial FROM credit_notes \
                     UNION ALL SELECT supplier_gstin, series, financial_year, serial FROM advances \
                     UNION ALL SELECT supplier_gstin, series, financial_year, serial FROM refund_vouchers) AS numbered GROUP BY 1, 2, 3) n \
         FULL JOIN invoice_counters c ON (c.gstin, c.series, c.financial_year) = (n.supplier_gstin, n.series, n.financial_year) \
         WHERE n.first <> 1 OR n.last <> n.several OR coalesce(c.last_serial, 0) <> coalesce(n.last, 0)",
    ),
    (
        "a closed day's cash is what the books have, and went to the safe",
        "SELECT 'day close ' || c.id AS subject, c.expected AS says, coalesce(b.amount, 0) AS found FROM day_closes c \
         LEFT JOIN LATERAL (SELECT sum(p.amount) AS amount FROM journal_entries j JOIN postings p ON p.entry_id = j.id \
             WHERE j.made_by = c.cashier AND j.dated = c.day AND j.kind IN ('PAYMENT', 'REFUND', 'ADVANCE', 'ADVANCE_REFUND') \
             AND p.account = 'CASH') b ON true \
         LEFT JOIN journal_entries j ON j.kind = 'DAY_CLOSE' AND j.source_id = c.id \
         LEFT JOIN postings s ON s.entry_id = j.id AND s.account = 'SAFE' \
         WHERE c.expected <> coalesce(b.amount, 0) OR c.counted <> coalesce(s.amount, 0)",
    ),
];
