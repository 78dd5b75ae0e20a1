package cairn.client;

import cairn.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One request and its whole answer, by the JDK's {@link HttpURLConnection}: in the thread that asks, from its array to
 * the socket and back. The JDK keeps connections for the requests to come, and gives up those that do not work.
 *
 * <p>Nothing but a GET is sent twice. Redirects are not followed. Of an answer of status 401 the JDK gives no body,
 * unless it is a GET's.
 */
final class HttpExchange {
    private final HttpURLConnection connection;
    private final Duration limit;
    private final long endNanos;

    /** How many bytes an answer of a certain status may have. */
    interface Bound {
        int bytesMax(int status);
    }

    /** @param limit from now on, for the head of the answer; its body may take as long once more */
    HttpExchange(String method, URI uri, Duration connectLimit, Duration limit) throws IOException {
        this.limit = limit;
        this.endNanos = System.nanoTime() + limit.toNanos();
        connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setRequestMethod(method);
        connection.setInstanceFollowRedirects(false);
        connection.setConnectTimeout(Math.toIntExact(connectLimit.toMillis()));
        connection.setReadTimeout(Math.toIntExact(limit.toMillis()));
    }

    void setHeader(String name, String value) {
        connection.setRequestProperty(name, value);
    }

    /**
     * Sends the request and takes its answer.
     *
     * @param body of which {@code bodyBytes} are sent; of a GET none
     * @param reply gets the answer's body
     * @return the answer's status
     * @throws ConnectException if nobody answers there at all
     * @throws SocketTimeoutException if the answer takes too long
     * @throws StoreException TOO_LARGE for an answer beyond its bound
     */
    int run(byte[] body, int bodyBytes, Bound bound, Reply reply) throws IOException {
        boolean isGet = connection.getRequestMethod().equals("GET");
        if (!isGet) {
            connection.setDoOutput(true);
            // What passes through, unlike what is buffered, is not sent again if the connection breaks.
            connection.setFixedLengthStreamingMode(bodyBytes);
        }
        connect();
        int status = head(isGet ? null : body, bodyBytes);
        takeBody(status, bound.bytesMax(status), reply);
        return status;
    }

    private void connect() throws IOException {
        try {
            connection.connect();
        } catch (SocketTimeoutException e) {
            throw (ConnectException) new ConnectException(e.getMessage()).initCause(e);
        }
    }

    /** Sends all and waits for the answer's head. The JDK limits each wait for a read, and none for a write. */
    private int head(byte[] body, int bodyBytes) throws IOException {
        CompletableFuture<Void> answered = new CompletableFuture<>();
        answered.orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS).whenComplete((done, late) -> {
            if (late != null) {
                connection.disconnect();
            }
        });
        try {
            if (body != null) {
                try (OutputStream to = connection.getOutputStream()) {
                    to.write(body, 0, bodyBytes);
                }
            }
            int status = connection.getResponseCode();
            if (status < 0) {
                throw new IOException("the answer is not HTTP");
            }
            return status;
        } catch (IOException | RuntimeException e) {
            if (answered.isCompletedExceptionally()) {
                throw late(e);
            }
            throw e;
        } finally {
            answered.complete(null);
        }
    }

    private void takeBody(int status, int bytesMax, Reply reply) throws IOException {
        reply.clear();
        try (InputStream from = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            if (from != null) {
                reply.read(from, connection.getContentLengthLong(), bytesMax, this::requireTime);
            }
        } catch (IOException | RuntimeException e) {
            // More may come that nobody wants.
            connection.disconnect();
            throw e;
        }
    }

    private void requireTime() throws SocketTimeoutException {
        if (System.nanoTime() - endNanos > 0) {
            throw new SocketTimeoutException("the answer has not ended");
        }
    }

    private static SocketTimeoutException late(Exception why) {
        return (SocketTimeoutException) new SocketTimeoutException(why.getMessage()).initCause(why);
    }
}
