//! Sends a message and receives it: pulsar-example pulsar://localhost:6650 TOPIC

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use pulsar_sys::*;

fn check(result: pulsar_result) -> Result<(), String> {
    if result == pulsar_result_pulsar_result_Ok {
        return Ok(());
    }
    // SAFETY: the text is constant.
    Err(unsafe { CStr::from_ptr(pulsar_result_str(result)) }.to_string_lossy().into_owned())
}

fn exchange(url: &CStr, topic: &CStr, text: &str) -> Result<String, String> {
    // SAFETY: every handle is used until it is freed, and no longer.
    unsafe {
        let configuration = pulsar_client_configuration_create();
        let client = pulsar_client_create(url.as_ptr(), configuration);
        pulsar_client_configuration_free(configuration);

        let mut consumer = ptr::null_mut();
        let subscription = c"main".as_ptr();
        let consumers = pulsar_consumer_configuration_create();
        check(pulsar_client_subscribe(client, topic.as_ptr(), subscription, consumers, &mut consumer))?;
        pulsar_consumer_configuration_free(consumers);

        let mut producer = ptr::null_mut();
        let producers = pulsar_producer_configuration_create();
        check(pulsar_client_create_producer(client, topic.as_ptr(), producers, &mut producer))?;
        pulsar_producer_configuration_free(producers);

        let message = pulsar_message_create();
        pulsar_message_set_content(message, text.as_ptr().cast::<c_void>(), text.len() as _);
        check(pulsar_producer_send(producer, message))?;
        pulsar_message_free(message);

        let mut received = ptr::null_mut();
        check(pulsar_consumer_receive_with_timeout(consumer, &mut received, 10_000))?;
        let (data, length) = (pulsar_message_get_data(received), pulsar_message_get_length(received));
        let content = std::slice::from_raw_parts(data.cast::<u8>(), length as usize);
        let content = String::from_utf8_lossy(content).into_owned();
        check(pulsar_consumer_acknowledge(consumer, received))?;
        pulsar_message_free(received);

        pulsar_producer_free(producer);
        pulsar_consumer_free(consumer);
        let closed = check(pulsar_client_close(client));
        pulsar_client_free(client);
        closed.map(|()| content)
    }
}

fn main() -> Result<(), String> {
    let arguments: Vec<CString> =
        std::env::args().skip(1).filter_map(|argument| CString::new(argument).ok()).collect();
    let [url, topic] = &arguments[..] else {
        return Err("usage: pulsar-example URL TOPIC".into());
    };
    println!("{}", exchange(url, topic, "hello from Rust")?);
    Ok(())
}
