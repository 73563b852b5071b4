use ::events::{Payload, relay};
use auth::Role;
use serde_json::json;
use testkit::Queues;

use crate::service::{ADMIN, Service};

#[tokio::test]
async fn a_registration_and_a_change_reach_their_subscribers_in_order() {
    let service = Service::start().await;
    let queues = Queues::new().await;
    let id = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    let token = service.token(id, Role::Doctor);
    service.server.patch("/api/users/me/", &token, &json!({"last_name": "Roy"})).await.expect(200);
    assert_eq!(relay::run_once(&service.db.pool().await, &queues.sqs()).await.unwrap(), 6);

    for subscriber in ["patients", "appointments", "billing"] {
        let mut told = queues.take(subscriber).await;
        while told.len() < 2 {
            told.extend(queues.take(subscriber).await);
        }
        let (Some(Payload::UserRegistered(first)), Some(Payload::UserUpdated(then))) =
            (&told[0].payload, &told[1].payload)
        else {
            panic!("{subscriber} was told {told:?}");
        };
        assert_eq!((first.id, first.role.as_str(), first.last_name.as_str(), first.version), (id, "DOCTOR", "Rao", 1));
        assert_eq!(first.doctor.as_ref().unwrap().specialization, "Cardiology");
        assert_eq!((then.last_name.as_str(), then.department.as_str(), then.version), ("Roy", "Cardiology", 2));
        let by: Vec<_> = told.iter().map(|event| event.actor.as_ref().unwrap().user_id).collect();
        assert_eq!(by, [ADMIN, id]);
    }
    assert_eq!(service.db.number("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn a_refused_registration_tells_nobody() {
    let service = Service::start().await;
    service.patient("asha").await;
    assert_eq!(service.db.number("SELECT count(*) FROM outbox").await, 3);
    service.register(&crate::service::patient("asha")).await.expect(409);
    assert_eq!(service.db.number("SELECT count(*) FROM outbox").await, 3);
}
