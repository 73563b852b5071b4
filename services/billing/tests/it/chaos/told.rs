//! What billing told of it, and whether somebody who listens heard all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ::events::subscriptions::Subscriptions;
use ::events::v1::Envelope;
use ::events::{Payload, envelope};
use testkit::Queues;
use tokio_util::sync::CancellationToken;

use super::client::Promised;

const LISTENER: &str = "listener";
/// Billing hears of visits; somebody hears of whatever it tells.
const SUBSCRIPTIONS: &str = "\
events:
  AppointmentCompleted: [billing]
  InvoiceIssued: [listener]
  InvoiceCancelled: [listener]
  PaymentReceived: [listener]
  PaymentRefunded: [listener]
";

pub fn subscriptions() -> Arc<Subscriptions> {
    Arc::new(Subscriptions::parse(SUBSCRIPTIONS).unwrap())
}

/// What was heard, in the order in which it came.
#[derive(Default)]
pub struct Told {
    issued: BTreeSet<i64>,
    /// The invoices.
    cancelled: BTreeSet<i64>,
    received: BTreeSet<i64>,
    refunded: BTreeSet<i64>,
    /// What was heard first of each invoice.
    first: BTreeMap<i64, &'static str>,
}

/// Listens until told to stop and nothing is left to be heard.
pub async fn listen(queues: &Queues, stop: CancellationToken) -> Told {
    let mut told = Told::default();
    let sqs = queues.sqs();
    let url = sqs.url(LISTENER).await.unwrap();
    loop {
        let is_last = stop.is_cancelled();
        let request = sqs.client().receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
        // what a busy queue does not answer, or does not forget, comes again
        let Ok(answer) = request.send().await else { continue };
        let messages = answer.messages.unwrap_or_default();
        if is_last && messages.is_empty() && queues.depth(LISTENER).await == 0 {
            return told;
        }
        for message in messages {
            told.hear(envelope::from_wire(message.body.as_deref().unwrap()).unwrap().1);
            let _ =
                sqs.client().delete_message().queue_url(&url).set_receipt_handle(message.receipt_handle).send().await;
        }
    }
}

impl Told {
    fn hear(&mut self, event: Envelope) {
        let payload = event.payload.unwrap();
        let what = payload.event_type();
        let (invoice, ids, id) = match payload {
            Payload::InvoiceIssued(invoice) => (invoice.id, &mut self.issued, invoice.id),
            Payload::InvoiceCancelled(note) => (note.invoice_id, &mut self.cancelled, note.invoice_id),
            Payload::PaymentReceived(payment) => (payment.invoice_id, &mut self.received, payment.id),
            Payload::PaymentRefunded(refund) => (refund.invoice_id, &mut self.refunded, refund.id),
            other => panic!("{other:?}"),
        };
        ids.insert(id);
        self.first.entry(invoice).or_insert(what);
    }

    /// Everything that was promised was told, and nothing that was not; of every invoice its issue first.
    pub fn assert_is(&self, promised: &Promised) {
        for (what, told, promised) in [
            ("issued", &self.issued, &promised.invoices),
            ("cancelled", &self.cancelled, &promised.credit_notes),
            ("received", &self.received, &promised.payments),
            ("refunded", &self.refunded, &promised.refunds),
        ] {
            assert_eq!(told, &set(promised), "{what}: told is what was promised");
        }
        let early: Vec<_> = self.first.iter().filter(|(_, what)| **what != "InvoiceIssued").collect();
        assert!(early.is_empty(), "told before its issue: {early:?}");
    }
}

fn set(ids: &Mutex<Vec<i64>>) -> BTreeSet<i64> {
    ids.lock().unwrap().iter().copied().collect()
}
