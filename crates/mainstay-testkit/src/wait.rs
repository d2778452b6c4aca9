use std::time::Duration;

/// How often the condition is asked: seldom enough to leave the machine to what is waited for.
const POLL: Duration = Duration::from_millis(10);

/// Waits until `condition` gives a value, and gives it.
///
/// # Panics
/// With `what`, when the time is over.
pub async fn wait_for<T>(what: &str, timeout: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(timeout, asking).await {
        Ok(value) => value,
        Err(_) => panic!("waited {timeout:?} for {what} in vain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn asks_until_there_is_a_value() {
        let mut left = 3;
        let value = wait_for("the third time", Duration::from_secs(1), async || {
            left -= 1;
            (left == 0).then_some("here")
        });
        assert_eq!(value.await, "here");
    }

    #[tokio::test]
    #[should_panic(expected = "waited 30ms for the moon in vain")]
    async fn gives_up_with_what_it_waited_for() {
        wait_for("the moon", Duration::from_millis(30), async || None::<()>).await;
    }
}
