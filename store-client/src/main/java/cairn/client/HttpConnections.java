package cairn.client;

import cairn.client.HttpConnection.Answer;
import cairn.client.HttpConnection.Limit;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Connections to one endpoint: as many as there are exchanges at once, each kept for the next one for a while. For
 * several threads. Nobody has to close it: what nobody uses ends by itself.
 */
final class HttpConnections {
    /** Shorter than servers wait for the next request, so that it seldom meets a connection that has just ended. */
    private static final Duration IDLE = Duration.ofSeconds(20);

    private final String host;
    private final int port;
    private final boolean isTls;
    private final Duration connectTimeout;
    private final ScheduledThreadPoolExecutor clock;
    /** Used last is used first. Guarded by itself. */
    private final Deque<Idle> idle = new ArrayDeque<>();

    /** @param end closes it when it has been idle for long enough */
    private record Idle(HttpConnection connection, Future<?> end) {}

    /** @param endpoint of scheme http or https */
    HttpConnections(URI endpoint, Duration connectTimeout) {
        this.host = endpoint.getHost();
        this.isTls = "https".equalsIgnoreCase(endpoint.getScheme());
        this.port = endpoint.getPort() >= 0 ? endpoint.getPort() : isTls ? 443 : 80;
        this.connectTimeout = connectTimeout;
        this.clock = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "http-clock");
            thread.setDaemon(true);
            return thread;
        });
        clock.setRemoveOnCancelPolicy(true);
        clock.setKeepAliveTime(1, TimeUnit.SECONDS);
        clock.allowCoreThreadTimeOut(true);
    }

    /**
     * Sends a request and takes its whole answer.
     *
     * @param head up to its empty line
     * @param isRepeatable then it is sent anew where a connection that was kept turns out to have ended
     * @throws TimeoutException without a whole answer after {@code within}
     * @throws ConnectException where nobody answers; other IOExceptions where the connection breaks
     */
    Answer exchange(String head, byte[] body, int bodyBytes, boolean isRepeatable, Limit limit, Duration within)
            throws IOException, TimeoutException {
        HttpConnection kept = takeIdle();
        if (kept != null) {
            try {
                return exchange(kept, head, body, bodyBytes, limit, within);
            } catch (IOException e) {
                if (!isRepeatable || kept.isAnswered() || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
        }
        return exchange(open(within), head, body, bodyBytes, limit, within);
    }

    private HttpConnection open(Duration within) throws IOException {
        try {
            return HttpConnection.open(
                    host, port, isTls, connectTimeout.compareTo(within) < 0 ? connectTimeout : within);
        } catch (SocketException | SocketTimeoutException e) {
            ConnectException failure = new ConnectException(e.getMessage());
            failure.initCause(e);
            throw failure;
        }
    }

    private Answer exchange(
            HttpConnection connection, String head, byte[] body, int bodyBytes, Limit limit, Duration within)
            throws IOException, TimeoutException {
        AtomicBoolean isOverdue = new AtomicBoolean();
        Future<?> deadline = clock.schedule(
                () -> {
                    isOverdue.set(true);
                    connection.close();
                },
                within.toMillis(),
                TimeUnit.MILLISECONDS);
        boolean isKept = false;
        try {
            Answer answer = connection.exchange(head, body, bodyBytes, limit);
            isKept = connection.isReusable() && deadline.cancel(false);
            return answer;
        } catch (IOException e) {
            if (isOverdue.get()) {
                TimeoutException failure = new TimeoutException(e.getMessage());
                failure.initCause(e);
                throw failure;
            }
            throw e;
        } finally {
            deadline.cancel(false);
            if (isKept) {
                keep(connection);
            } else {
                connection.close();
            }
        }
    }

    private HttpConnection takeIdle() {
        synchronized (idle) {
            Idle last = idle.pollLast();
            if (last == null) {
                return null;
            }
            last.end.cancel(false);
            return last.connection;
        }
    }

    private void keep(HttpConnection connection) {
        synchronized (idle) {
            idle.addLast(new Idle(
                    connection, clock.schedule(() -> end(connection), IDLE.toMillis(), TimeUnit.MILLISECONDS)));
        }
    }

    /** Unless somebody has just taken it. */
    private void end(HttpConnection connection) {
        synchronized (idle) {
            if (idle.removeIf(each -> each.connection == connection)) {
                connection.close();
            }
        }
    }
}
