use aws_sdk_sqs::types::QueueAttributeName::{
    self, ContentBasedDeduplication, FifoQueue, MessageRetentionPeriod, RedrivePolicy, VisibilityTimeout,
};
use events::{queues, subscriptions::Subscriptions};
use testkit::Queues;

#[tokio::test]
async fn each_subscriber_has_a_queue_and_a_dead_letter_queue() {
    let testing = Queues::new().await;
    let (sqs, committed) = (testing.sqs(), Subscriptions::committed());
    // Making them again is no fault.
    let names = queues::ensure(sqs.client(), sqs.prefix(), &committed).await.unwrap();
    assert_eq!(names.len(), committed.subscribers().len() * 2);
    for subscriber in committed.subscribers() {
        let (url, dead_letters) = (sqs.url(subscriber).await.unwrap(), sqs.dead_letter_url(subscriber).await.unwrap());
        let request = sqs.client().get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
        let found = request.send().await.unwrap().attributes.unwrap();
        assert_eq!(found[&FifoQueue], "true");
        assert_eq!(found[&ContentBasedDeduplication], "false");
        assert_eq!(found[&VisibilityTimeout], "30");
        assert_eq!(found[&MessageRetentionPeriod], "1209600");
        let policy: serde_json::Value = serde_json::from_str(&found[&RedrivePolicy]).unwrap();
        assert_eq!(policy["maxReceiveCount"].to_string().trim_matches('"'), "5");
        assert!(policy["deadLetterTargetArn"].as_str().unwrap().ends_with(dead_letters.rsplit('/').next().unwrap()));
    }
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named() {
    let testing = Queues::new().await;
    let fault = testing.sqs().url("nobody").await.unwrap_err();
    assert!(fault.to_string().contains("-nobody.fifo"), "{fault}");
}
