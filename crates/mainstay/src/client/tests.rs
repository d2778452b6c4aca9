use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};

use super::*;

/// Answers with what it was told, or refuses as the API does.
fn api() -> Router {
    let told = |headers: HeaderMap, body: String| async move {
        let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        json!({ "by": said("mainstay-by"), "token": said("authorization"), "type": said("content-type"), "body": body })
            .to_string()
    };
    let refused = || async {
        let why = json!({ "error": { "message": "This incident is over.", "advice": "It opens again by itself." } });
        (StatusCode::CONFLICT, why.to_string())
    };
    let unknown = || async {
        let why =
            json!({ "error": { "message": "The token is another one.", "advice": "Bring the right one." } });
        (StatusCode::UNAUTHORIZED, why.to_string())
    };
    Router::new()
        .route("/told", post(told))
        .route("/refused", get(refused))
        .route("/unknown", get(unknown))
        .route("/page", get(|| async { "<html>" }))
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mainstay-client-{}-{name}", std::process::id()))
}

fn there(url: &str, token: Option<&str>) -> Server {
    Server::There { url: address(url).unwrap(), token: token.map(Secret::new), roots: None, by: None }
}

#[tokio::test]
async fn by_the_socket_it_says_who_asks_and_repeats_what_is_refused() {
    let socket = path("here.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { axum::serve(listener, api()).await });
    let server = Server::Here { socket: socket.clone(), by: Some("ben".into()) };
    let told = server.ask(Method::POST, "/told", Some(&json!({ "text": "x" }))).await.unwrap();
    let expected =
        json!({ "by": "ben", "token": null, "type": "application/json", "body": "{\"text\":\"x\"}" });
    assert_eq!(told, expected);
    let refused = server.ask(Method::GET, "/refused", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "This incident is over. It opens again by itself");
    let page = server.ask(Method::GET, "/page", None).await.unwrap_err().to_string();
    assert!(page.contains("it is no Mainstay, or one of another version"), "{page}");
    std::fs::remove_file(socket).unwrap();
}

#[tokio::test]
async fn by_an_address_it_carries_the_token_and_says_where_another_one_goes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, api()).await });
    let server = there(&url, Some("t0ken"));
    let told = server.answer(Method::POST, "/told", Content::Mail(b"To: you\n\n")).await.unwrap();
    let expected =
        json!({ "by": null, "token": "Bearer t0ken", "type": "message/rfc822", "body": "To: you\n\n" });
    assert_eq!(told.granted().unwrap(), expected);
    let unknown = server.ask(Method::GET, "/unknown", None).await.unwrap_err().to_string();
    let expected =
        "The token is another one. Bring the right one. It is given by --token-file, or in $MAINSTAY_TOKEN";
    assert_eq!(unknown, expected);
    let odd = there(&url, Some("two\nlines")).ask(Method::GET, "/told", None).await.unwrap_err().to_string();
    assert!(odd.contains("characters that cannot be sent") && !odd.contains("two"), "{odd}");
}

#[tokio::test]
async fn where_nobody_answers_it_says_what_to_do() {
    let here = Server::Here { socket: path("nowhere.sock"), by: None };
    let said = here.ask(Method::GET, "/told", None).await.unwrap_err().to_string();
    assert!(said.starts_with("no Mainstay runs with this configuration: nothing answers at"), "{said}");
    assert!(said.contains("`mainstay serve`") && said.contains("--server"), "{said}");
    let said = there("http://127.0.0.1:1", None).ask(Method::GET, "/told", None).await.unwrap_err();
    assert!(said.to_string().starts_with("no Mainstay answers at http://127.0.0.1:1/"), "{said}");
}

#[test]
fn only_web_addresses_are_servers() {
    for wrong in ["ops.example.com", "ftp://ops.example.com", "/run/mainstay.sock"] {
        assert!(address(wrong).is_err(), "{wrong}");
    }
    assert!(address("https://ops.example.com/mainstay").is_ok());
}

#[test]
fn a_file_holds_one_token_and_nothing_else() {
    let file = path("token");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        token_in(file.to_str().unwrap()).map(|token| token.expose().to_owned()).map_err(|why| why.to_string())
    };
    assert_eq!(read("s3cret\n"), Ok("s3cret".to_owned()));
    for (text, why) in
        [("\n", "it is empty"), ("a: b\n", "more than one word"), (&"x".repeat(9999), "too long")]
    {
        assert!(read(text).unwrap_err().contains(why), "{why}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(token_in(file.to_str().unwrap()).unwrap_err().to_string().starts_with("it cannot be read: "));
}
