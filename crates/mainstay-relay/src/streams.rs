/// Reading and writing of an enum whose every variant holds a stream.
macro_rules! streams {
    ($name:ident: $($variant:path),*) => {
        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() { $($variant(stream) => Pin::new(stream).poll_read(cx, buffer),)* }
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($variant(stream) => Pin::new(stream).poll_write(cx, bytes),)* }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($variant(stream) => Pin::new(stream).poll_flush(cx),)* }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($variant(stream) => Pin::new(stream).poll_shutdown(cx),)* }
            }
        }
    };
}
pub(crate) use streams;
