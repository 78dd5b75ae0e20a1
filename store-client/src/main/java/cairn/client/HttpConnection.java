package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * One HTTP/1.1 connection, one exchange at a time, in the thread that asks: a body goes from the caller's array to the
 * socket, and an answer's from the socket to the array that is returned. To interrupt that thread ends an exchange, and
 * so does {@link #close} in another.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9112">RFC 9112, HTTP/1.1</a>
 */
final class HttpConnection implements AutoCloseable {
    /** Longest head of an answer. */
    private static final int HEAD_BYTES_MAX = 64 << 10;
    private static final int BUFFER_BYTES = 16 << 10;
    /** What goes to the socket, or comes from it, at once passes through memory of this size off the heap. */
    private static final int PIECE_BYTES = 128 << 10;
    private static final int LINE_BYTES_MAX = 8 << 10;

    private final SocketChannel channel;
    private final InputStream in;
    private final OutputStream out;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int bufferAt;
    private int bufferEnd;
    private boolean isAnswered;
    private boolean isReusable;

    /** @param body of at most so many bytes as were allowed for its status */
    record Answer(int status, byte[] body) {}

    /** How long the body of an answer with a certain status may be. */
    interface Limit {
        int bytesMax(int status);
    }

    private HttpConnection(SocketChannel channel, InputStream in, OutputStream out) {
        this.channel = channel;
        this.in = in;
        this.out = out;
    }

    /** @throws UnknownHostException where nobody knows the host; another IOException where nobody answers there */
    static HttpConnection open(String host, int port, boolean isTls, Duration timeout) throws IOException {
        InetSocketAddress address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new UnknownHostException(host);
        }
        SocketChannel channel = SocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.socket().connect(address, Math.toIntExact(timeout.toMillis()));
            if (!isTls) {
                return new HttpConnection(channel, Channels.newInputStream(channel), Channels.newOutputStream(channel));
            }
            SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
            SSLSocket socket = (SSLSocket) factory.createSocket(channel.socket(), host, port, true);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            return new HttpConnection(channel, socket.getInputStream(), socket.getOutputStream());
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Whether some of the last exchange's answer has come. */
    boolean isAnswered() {
        return isAnswered;
    }

    /** Whether there may be another exchange. */
    boolean isReusable() {
        return isReusable;
    }

    /**
     * Sends a request and takes its whole answer.
     *
     * @param body of which {@code bodyBytes} are sent
     * @throws StoreException TOO_LARGE for an answer of more than the limit
     */
    Answer exchange(String head, byte[] body, int bodyBytes, Limit limit) throws IOException {
        isAnswered = false;
        isReusable = false;
        write(head.getBytes(StandardCharsets.US_ASCII), body, bodyBytes);
        int headBytesLeft = HEAD_BYTES_MAX;
        while (true) {
            String statusLine = line(headBytesLeft);
            headBytesLeft -= statusLine.length() + 2;
            int status = statusOf(statusLine);
            Headers headers = new Headers(statusLine);
            for (String line = line(headBytesLeft); !line.isEmpty(); line = line(headBytesLeft)) {
                headers.add(line);
                headBytesLeft -= line.length() + 2;
            }
            // Others, of 1xx, only say that the answer will come.
            if (status >= 200) {
                byte[] answer = body(status, headers, limit.bytesMax(status));
                isReusable = headers.isKeptAlive && bufferAt == bufferEnd;
                return new Answer(status, answer);
            }
        }
    }

    /** What is small goes at once. */
    private void write(byte[] head, byte[] body, int bodyBytes) throws IOException {
        byte[] first = Arrays.copyOf(head, head.length + Math.min(bodyBytes, BUFFER_BYTES));
        int at = first.length - head.length;
        System.arraycopy(body, 0, first, head.length, at);
        out.write(first);
        while (at < bodyBytes) {
            int count = Math.min(PIECE_BYTES, bodyBytes - at);
            out.write(body, at, count);
            at += count;
        }
        out.flush();
    }

    /** What an answer's head says of its body. */
    private static final class Headers {
        /** Below zero where it is not told. */
        long bodyBytes = -1;
        boolean isChunked;
        boolean isKeptAlive;

        Headers(String statusLine) {
            isKeptAlive = !statusLine.startsWith("HTTP/1.0");
        }

        void add(String line) throws IOException {
            int colon = line.indexOf(':');
            if (colon < 1) {
                throw new ProtocolException("a header has no name");
            }
            String value = line.substring(colon + 1).strip().toLowerCase(Locale.ROOT);
            switch (line.substring(0, colon).toLowerCase(Locale.ROOT)) {
                case "content-length" -> bodyBytes = number(value, 10);
                case "transfer-encoding" -> isChunked = value.endsWith("chunked");
                case "connection" -> isKeptAlive &= !value.contains("close");
                default -> { }
            }
        }
    }

    private static int statusOf(String line) throws IOException {
        if (!line.matches("HTTP/1\\.[01] [1-9][0-9][0-9]( .*)?")) {
            throw new ProtocolException("what came is no answer of HTTP/1.1");
        }
        return Integer.parseInt(line.substring(9, 12));
    }

    private static long number(String digits, int radix) throws IOException {
        try {
            long number = Long.parseLong(digits, radix);
            if (number >= 0 && Character.digit(digits.charAt(0), radix) >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new ProtocolException("a length is malformed");
    }

    private byte[] body(int status, Headers headers, int bytesMax) throws IOException {
        if (status == 204 || status == 304) {
            return new byte[0];
        }
        if (headers.isChunked) {
            return chunkedBody(bytesMax);
        }
        if (headers.bodyBytes >= 0) {
            byte[] body = new byte[requireFits(headers.bodyBytes, bytesMax)];
            readFully(body);
            return body;
        }
        headers.isKeptAlive = false;
        return bodyUntilEnd(bytesMax);
    }

    private byte[] chunkedBody(int bytesMax) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            String size = line(LINE_BYTES_MAX);
            long pieceBytes = number(size.replaceFirst("\\s*;.*", ""), 16);
            if (pieceBytes == 0) {
                break;
            }
            byte[] piece = new byte[requireFits(pieceBytes, bytesMax - body.size())];
            readFully(piece);
            body.write(piece);
            if (!line(LINE_BYTES_MAX).isEmpty()) {
                throw new ProtocolException("a piece of a body is longer than it says");
            }
        }
        int left = HEAD_BYTES_MAX;
        for (String trailer = line(left); !trailer.isEmpty(); trailer = line(left)) {
            left -= trailer.length() + 2;
        }
        return body.toByteArray();
    }

    private byte[] bodyUntilEnd(int bytesMax) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (bufferAt < bufferEnd || fill()) {
            requireFits((long) body.size() + bufferEnd - bufferAt, bytesMax);
            body.write(buffer, bufferAt, bufferEnd - bufferAt);
            bufferAt = bufferEnd;
        }
        return body.toByteArray();
    }

    private static int requireFits(long bytes, int bytesMax) {
        if (bytes > bytesMax) {
            throw new StoreException(Fault.TOO_LARGE, "more than the " + bytesMax + " bytes that are left for it");
        }
        return (int) bytes;
    }

    private void readFully(byte[] to) throws IOException {
        int at = Math.min(to.length, bufferEnd - bufferAt);
        System.arraycopy(buffer, bufferAt, to, 0, at);
        bufferAt += at;
        while (at < to.length) {
            int count = in.read(to, at, Math.min(PIECE_BYTES, to.length - at));
            if (count < 0) {
                throw new EOFException("it ended inside an answer's body");
            }
            at += count;
        }
    }

    /** A line of the head, without its end. */
    private String line(int bytesMax) throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            if (bufferAt == bufferEnd && !fill()) {
                throw new EOFException(isAnswered ? "it ended inside an answer's head" : "it ended before an answer");
            }
            char next = (char) (buffer[bufferAt++] & 0xff);
            if (next == '\n') {
                int length = line.length();
                return length > 0 && line.charAt(length - 1) == '\r' ? line.substring(0, length - 1) : line.toString();
            }
            if (line.length() >= bytesMax) {
                throw new ProtocolException("an answer's head is too long");
            }
            line.append(next);
        }
    }

    private boolean fill() throws IOException {
        int count = in.read(buffer);
        if (count < 0) {
            return false;
        }
        isAnswered = true;
        bufferAt = 0;
        bufferEnd = count;
        return true;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing is expected of it any more.
        }
    }
}
