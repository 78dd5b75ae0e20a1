package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
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
    private static final int FIRST_BYTES = 8192;

    private final HttpURLConnection connection;
    private final Duration limit;
    private final long endNanos;

    /** @param body empty where there is none */
    record Answer(int status, byte[] body) {}

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
     * @throws ConnectException if nobody answers there at all
     * @throws SocketTimeoutException if the answer takes too long
     * @throws StoreException TOO_LARGE for an answer beyond its bound
     */
    Answer run(byte[] body, int bodyBytes, Bound bound) throws IOException {
        boolean isGet = connection.getRequestMethod().equals("GET");
        if (!isGet) {
            connection.setDoOutput(true);
            // What passes through, unlike what is buffered, is not sent again if the connection breaks.
            connection.setFixedLengthStreamingMode(bodyBytes);
        }
        connect();
        int status = head(isGet ? null : body, bodyBytes);
        return new Answer(status, body(status, bound.bytesMax(status)));
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

    private byte[] body(int status, int bytesMax) throws IOException {
        try (InputStream from = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return from == null ? new byte[0] : read(from, connection.getContentLengthLong(), bytesMax);
        } catch (IOException | RuntimeException e) {
            // More may come that nobody wants.
            connection.disconnect();
            throw e;
        }
    }

    /** @param announcedBytes below zero where it is not told how many come */
    private byte[] read(InputStream from, long announcedBytes, int bytesMax) throws IOException {
        if (announcedBytes > bytesMax) {
            throw tooLarge(bytesMax);
        }
        byte[] bytes = new byte[announcedBytes < 0 ? Math.min(FIRST_BYTES, bytesMax) : (int) announcedBytes];
        int lengthBytes = 0;
        while (true) {
            int count = from.read(bytes, lengthBytes, bytes.length - lengthBytes);
            lengthBytes += Math.max(count, 0);
            if (count < 0 || lengthBytes == announcedBytes) {
                break;
            }
            if (lengthBytes == bytes.length) {
                // One more than the bound, so that what is too long is seen.
                bytes = Arrays.copyOf(bytes, (int) Math.min(2L * Math.max(FIRST_BYTES, lengthBytes), bytesMax + 1L));
            }
            if (lengthBytes > bytesMax) {
                throw tooLarge(bytesMax);
            }
            if (System.nanoTime() - endNanos > 0) {
                throw new SocketTimeoutException("the answer has not ended");
            }
        }
        if (lengthBytes < announcedBytes) {
            throw new IOException("the answer ended after " + lengthBytes + " of " + announcedBytes + " bytes");
        }
        return lengthBytes == bytes.length ? bytes : Arrays.copyOf(bytes, lengthBytes);
    }

    private static StoreException tooLarge(int bytesMax) {
        return new StoreException(Fault.TOO_LARGE, "a reply of more than " + bytesMax + " bytes");
    }

    private static SocketTimeoutException late(Exception why) {
        return (SocketTimeoutException) new SocketTimeoutException(why.getMessage()).initCause(why);
    }
}
