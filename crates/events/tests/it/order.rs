use crate::world::{Recorder, World, quick};

#[tokio::test]
async fn events_of_one_aggregate_keep_their_order() {
    let world = World::new().await;
    for version in 1..=25 {
        world.change((1..=8).map(|aggregate| (aggregate, version))).await;
    }
    let (relay, consumer) = (world.start_relay().await, world.consume(quick(), Recorder).await);
    world.until_applied(200).await;
    relay.stop().await;
    consumer.stop().await;
    world.assert_applied_once_in_order(8, 25).await;
}

#[tokio::test]
async fn two_relays_and_two_consumers_keep_it_too() {
    let world = World::new().await;
    let relays = [world.start_relay().await, world.start_relay().await];
    let consumers = [world.consume(quick(), Recorder).await, world.consume(quick(), Recorder).await];
    for version in 1..=25 {
        world.change((1..=8).map(|aggregate| (aggregate, version))).await;
    }
    world.until_applied(200).await;
    for running in relays.into_iter().chain(consumers) {
        running.stop().await;
    }
    world.assert_applied_once_in_order(8, 25).await;
}
