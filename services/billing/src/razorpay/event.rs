//! What a webhook says (<https://razorpay.com/docs/webhooks/payloads/>).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::client::{PaymentEntity, RefundEntity, is_id};
use crate::money::Paise;
use crate::payments::settle::{Captured, RefundWord, Went};

/// The provider's envelope, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    event: String,
    #[serde(default, with = "chrono::serde::ts_seconds_option")]
    created_at: Option<DateTime<Utc>>,
    payload: Payload,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Payload {
    payment: Option<Wrapped<PaymentEntity>>,
    refund: Option<Wrapped<RefundEntity>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Wrapped<T> {
    entity: T,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Money came.
    Captured(Captured),
    /// A refund went one way or the other.
    Refund(RefundWord, Went),
    /// Nothing: an attempt that failed leaves its order open, and the rest concerns nobody here.
    Nothing,
}

impl Event {
    /// When the provider made it; signed with the rest.
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// What is to be done about it.
    pub fn word(self) -> Word {
        match self.event.as_str() {
            "payment.captured" | "order.paid" => {
                let captured = self.payload.payment.and_then(|payment| payment.entity.captured());
                captured.filter(|word| is_id(&word.payment)).map_or(Word::Nothing, Word::Captured)
            }
            "refund.processed" => self.refund(Went::Sent),
            "refund.failed" => self.refund(Went::Failed),
            _ => Word::Nothing,
        }
    }

    fn refund(self, went: Went) -> Word {
        let word = self.payload.refund.and_then(|refund| word_of(refund.entity));
        word.map_or(Word::Nothing, |word| Word::Refund(word, went))
    }
}

/// A refund's receipt: which of ours it is, and how often it had failed before.
pub fn receipt(refund: i64, failures: i32) -> String {
    format!("ehs-refund-{refund}-{failures}")
}

/// What the provider says of a refund of ours; none for others'.
pub fn word_of(entity: RefundEntity) -> Option<RefundWord> {
    let (refund, failures) = entity
        .receipt?
        .strip_prefix("ehs-refund-")?
        .split_once('-')
        .map(|(id, failures)| (id.parse().ok(), failures.parse().ok()))?;
    is_id(&entity.id).then_some(RefundWord {
        refund: refund?,
        failures: failures?,
        payment: entity.payment_id,
        provider_refund: entity.id,
        amount: Paise::new(entity.amount),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn word(event: &str, payload: Value) -> Word {
        let body = json!({"entity": "event", "account_id": "acc_1", "event": event, "contains": ["payment"],
            "payload": payload, "created_at": 1_400_826_760});
        let event: Event = serde_json::from_value(body).unwrap();
        assert_eq!(event.created_at().unwrap().timestamp(), 1_400_826_760);
        event.word()
    }

    fn payment(status: &str) -> Value {
        json!({"payment": {"entity": {"id": "pay_1", "entity": "payment", "amount": 50_000, "currency": "INR",
            "status": status, "order_id": "order_1", "email": "x@example.com", "vpa": null}}})
    }

    fn refund(receipt: Value) -> Value {
        json!({"refund": {"entity": {"id": "rfnd_1", "entity": "refund", "amount": 500, "currency": "INR",
            "payment_id": "pay_1", "receipt": receipt, "status": "processed", "notes": []}}})
    }

    #[test]
    fn money_that_came_is_told_by_two_events() {
        let came = Word::Captured(Captured {
            order: "order_1".into(),
            payment: "pay_1".into(),
            amount: Paise::rupees(500),
            currency: "INR".into(),
        });
        assert_eq!(word("payment.captured", payment("captured")), came);
        assert_eq!(word("order.paid", payment("captured")), came);
    }

    #[test]
    fn what_is_no_money_does_nothing() {
        for (event, payload) in [
            ("payment.captured", payment("authorized")),
            ("payment.authorized", payment("authorized")),
            ("payment.failed", payment("failed")),
            ("payment.captured", json!({})),
            ("refund.processed", refund(json!(null))),
            ("refund.processed", refund(json!("another-system-7"))),
            ("refund.processed", refund(json!("ehs-refund-x-0"))),
            ("refund.processed", refund(json!("ehs-refund-7"))),
            ("settlement.processed", json!({"settlement": {"entity": {"id": "setl_1"}}})),
        ] {
            assert_eq!(word(event, payload), Word::Nothing, "{event}");
        }
    }

    #[test]
    fn a_refund_is_known_by_its_receipt() {
        let Word::Refund(known, went) = word("refund.processed", refund(json!(receipt(7, 2)))) else {
            panic!("a refund");
        };
        assert_eq!((known.refund, known.failures, went), (7, 2, Went::Sent));
    }
}
