package cairn.server.http;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.SHUTTING_DOWN;
import static cairn.Fault.TOO_LARGE;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Regions;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Verifier;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.VerifiedRequest;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection, one request at a time: head, body, reply. Nothing is read from the socket that there is no room for.
 *
 * <p>A request is refused as soon as its head shows that it must be; then its body is thrown away as it comes, so that
 * the peer gets to read why.
 *
 * <p>Where a signature can only be verified with the body, its bytes are held apart from those of the requests that are
 * known to be somebody's, for a short time, and without a reply's.
 */
final class HttpConnection extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(HttpConnection.class);
    private static final int PARAMETERS_MAX = 1024;
    private static final int HEADERS_MAX = 128;
    private static final int RECEIVE_BYTES_MIN = 64;
    private static final int RECEIVE_BYTES_FIRST = 2048;
    /** Of one read of the socket: what it takes to handle a piece of a body does not depend on its length. */
    private static final int RECEIVE_BYTES_MAX = 1 << 20;
    private static final String REQUEST_ID = "x-amzn-RequestId";
    private static final HttpReply LAST_RESORT = new HttpReply(500, "", new byte[0], Map.of());

    /** What all connections share. */
    record Shared(
            List<Guarded> doors,
            Accounts accounts,
            Regions regions,
            HttpLimits limits,
            HeldBytes held,
            HeldBytes unproven,
            Executor workers) {}

    /** A door and what its requests are verified by. */
    record Guarded(HttpDoor door, SigV4Verifier verifier) {}

    /** What the server tells all connections. */
    enum Event {
        /** The server is closing: a reply on its way may still go, then the connection ends. */
        FINISH
    }

    private enum State {
        /** Between requests. */
        IDLE,
        /** The head is good, there is no room yet for what comes. */
        WAITING,
        /** The body is coming. */
        RECEIVING,
        /** The body of a refused request is coming. */
        DISCARDING,
        /** The door is at work. */
        ANSWERING,
        /** The reply is on its way. */
        REPLYING
    }

    private final Shared shared;
    private final Deque<HttpObject> arrived = new ArrayDeque<>();
    private boolean isNextWanted;
    private boolean isDraining;
    private State state = State.IDLE;
    private boolean isKeptAlive;
    private String requestId = "";
    private Guarded door;
    private HttpDoor.Route route;
    private SignableRequest request;
    private VerifiedRequest verified;
    private Caller caller;
    private String path = "";
    private Map<String, List<String>> parameters;
    private HttpReply refusal;
    private long discardedBytes;
    /** For a body and its reply. */
    private HeldBytes.Reservation held;
    /** For a body that proves who sends it. */
    private HeldBytes.Reservation unproven;
    private byte[] body;
    private int bodyBytes;
    private Future<?> deadline;

    private HttpConnection(Shared shared) {
        this.shared = shared;
    }

    /** How a connection's socket is read: once for each time it is asked to, the more the more there was before. */
    static RecvByteBufAllocator receiveBuffers() {
        return new AdaptiveRecvByteBufAllocator(RECEIVE_BYTES_MIN, RECEIVE_BYTES_FIRST, RECEIVE_BYTES_MAX)
                .maxMessagesPerRead(1);
    }

    /** Called once, for a new connection. */
    static void serve(ChannelPipeline pipeline, Shared shared) {
        int headBytesMax = shared.limits.headBytesMax();
        long idleMillis = shared.limits.idleTimeout().toMillis();
        pipeline.addLast("idle", new IdleStateHandler(true, 0, 0, idleMillis, TimeUnit.MILLISECONDS));
        pipeline.addLast("codec", new HttpServerCodec(headBytesMax, headBytesMax, RECEIVE_BYTES_MAX)); // bytes <-> HttpObject
        pipeline.addLast("connection", new HttpConnection(shared)); // HttpObject -> reply
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        setDeadline(ctx);
        next(ctx);
    }

    /** What one read of the socket brought, which may be more than is wanted now. */
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        arrived.add((HttpObject) message);
        drain(ctx);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (isNextWanted) {
            ctx.read();
        }
    }

    /** Asks for one more message: from those that have arrived, else from the socket. */
    private void next(ChannelHandlerContext ctx) {
        isNextWanted = true;
        if (!isDraining) {
            drain(ctx);
            if (isNextWanted) {
                ctx.read();
            }
        }
    }

    private void drain(ChannelHandlerContext ctx) {
        isDraining = true;
        try {
            while (isNextWanted && !arrived.isEmpty()) {
                isNextWanted = false;
                HttpObject message = arrived.remove();
                try {
                    handle(ctx, message);
                } finally {
                    ReferenceCountUtil.release(message);
                }
            }
        } finally {
            isDraining = false;
        }
    }

    private void handle(ChannelHandlerContext ctx, HttpObject message) {
        if (message.decoderResult().isFailure()) {
            refuseGarbage(ctx, message.decoderResult().cause());
            return;
        }
        if (message instanceof HttpRequest head) {
            begin(ctx, head);
        }
        if (message instanceof HttpContent content) {
            take(ctx, content);
        }
    }

    /** The head: who asks, and what for. Ends with the body being awaited, or thrown away. */
    private void begin(ChannelHandlerContext ctx, HttpRequest head) {
        cancelDeadline();
        isKeptAlive = HttpUtil.isKeepAlive(head);
        refusal = null;
        requestId = newRequestId();
        door = null;
        verified = null;
        path = "";
        discardedBytes = 0;
        try {
            QueryStringDecoder target = target(head.uri());
            path = decoded(head.uri(), target::path);
            door = doorOf(path);
            parameters = decoded(head.uri(), target::parameters);
            route = door.door.route(head.method().name(), path);
            requireHeaders(head);
            requireLength(head);
            request = signable(head);
            verifyHead(head);
        } catch (RuntimeException e) {
            refuse(ctx, e, HttpUtil.is100ContinueExpected(head));
            return;
        }
        state = State.WAITING;
        int bodyBytesMax = expectedBytes(head);
        boolean isContinueExpected = HttpUtil.is100ContinueExpected(head);
        Runnable granted = () -> ctx.executor().execute(() -> receive(ctx, bodyBytesMax, isContinueExpected));
        HeldBytes.Reservation room;
        if (verified != null) {
            room = held = shared.held.reserve((long) bodyBytesMax + route.replyBytesMax(), granted);
        } else {
            room = unproven = shared.unproven.reserve(bodyBytesMax, granted);
        }
        if (room.isAtOnce()) {
            receive(ctx, bodyBytesMax, isContinueExpected);
        }
    }

    /** What is asked for, taken apart as signatures take it: a semicolon is a character like others. */
    private static QueryStringDecoder target(String uri) {
        if (uri.indexOf('#') >= 0) {
            throw new StoreException(INVALID_REQUEST, "a request's target holds no fragment");
        }
        return new QueryStringDecoder(uri, StandardCharsets.UTF_8, true, PARAMETERS_MAX, true);
    }

    private static <T> T decoded(String uri, Supplier<T> part) {
        try {
            return part.get();
        } catch (IllegalArgumentException e) {
            throw new StoreException(INVALID_REQUEST, "the request's target is malformed: " + Text.shown(uri), e);
        }
    }

    private Guarded doorOf(String path) {
        return shared.doors.stream()
                .filter(each -> each.door.serves(path))
                .findFirst()
                .orElseThrow(() -> new StoreException(NOT_FOUND, "nothing is served at " + Text.shown(path)));
    }

    private static void requireHeaders(HttpRequest head) {
        if (head.headers().size() > HEADERS_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, head.headers().size() + " headers; at most " + HEADERS_MAX + " are taken");
        }
    }

    private void requireLength(HttpRequest head) {
        long lengthBytes = HttpUtil.getContentLength(head, 0L);
        if (lengthBytes > route.requestBytesMax()) {
            throw new StoreException(
                    TOO_LARGE,
                    "a body of " + lengthBytes + " bytes; at most " + route.requestBytesMax() + " are taken here");
        }
    }

    /**
     * Verifies all but the body where the request says its hash, or has none. Else the signature can only be verified
     * when the body has come, so no more is known yet than that a known key is named.
     */
    private void verifyHead(HttpRequest head) {
        if (request.declaresPayload()) {
            believe(door.verifier.verify(request));
        } else if (expectedBytes(head) == 0) {
            believe(door.verifier.verify(request.withPayloadHash(PayloadHash.EMPTY)));
        } else {
            door.verifier.requireHead(request);
            if (expectedBytes(head) > shared.limits.unprovenBytesMax()) {
                throw new StoreException(
                        TOO_LARGE,
                        "a body of " + expectedBytes(head) + " bytes whose hash is not in the head; at most "
                                + shared.limits.unprovenBytesMax() + " are taken so");
            }
        }
    }

    private void believe(VerifiedRequest proven) {
        verified = proven;
        caller = shared.accounts.caller(proven.accessKeyId(), shared.regions.require(proven.region()));
    }

    private int expectedBytes(HttpRequest head) {
        return HttpUtil.isTransferEncodingChunked(head)
                ? route.requestBytesMax()
                : Math.toIntExact(HttpUtil.getContentLength(head, 0L));
    }

    private static SignableRequest signable(HttpRequest head) {
        String uri = head.uri();
        int question = uri.indexOf('?');
        return new SignableRequest(
                head.method().name(),
                question < 0 ? uri : uri.substring(0, question),
                question < 0 ? "" : uri.substring(question + 1),
                head.headers().entries().stream()
                        .map(entry -> new SignableRequest.Header(entry.getKey(), entry.getValue()))
                        .toList(),
                null);
    }

    private void receive(ChannelHandlerContext ctx, int bodyBytesMax, boolean isContinueExpected) {
        if (state != State.WAITING || !ctx.channel().isActive()) {
            releaseHeld();
            return;
        }
        try {
            body = new byte[bodyBytesMax];
        } catch (OutOfMemoryError e) {
            log.error("no memory for a body of {} bytes", bodyBytesMax, e);
            ctx.close();
            return;
        }
        bodyBytes = 0;
        state = State.RECEIVING;
        setDeadline(ctx, verified != null ? shared.limits.transferTimeout() : shared.limits.unprovenTimeout());
        if (isContinueExpected) {
            ctx.writeAndFlush(new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
        }
        next(ctx);
    }

    /** A piece of the body. */
    private void take(ChannelHandlerContext ctx, HttpContent content) {
        int lengthBytes = content.content().readableBytes();
        if (state == State.RECEIVING && lengthBytes > body.length - bodyBytes) {
            cancelDeadline();
            releaseHeld();
            refuse(ctx, new StoreException(TOO_LARGE, "the body is longer than " + body.length + " bytes"), false);
            return;
        }
        if (state == State.RECEIVING) {
            content.content().readBytes(body, bodyBytes, lengthBytes);
            bodyBytes += lengthBytes;
        } else if (state == State.DISCARDING) {
            discardedBytes += lengthBytes;
        } else {
            return;
        }
        if (content instanceof LastHttpContent) {
            end(ctx);
        } else if (discardedBytes > shared.limits.discardedBytesMax()) {
            cancelDeadline();
            isKeptAlive = false;
            reply(ctx, refusal);
        } else {
            next(ctx);
        }
    }

    /** What holds a place must move on: a peer may not take for ever to send a head or a body, or to read a reply. */
    private void setDeadline(ChannelHandlerContext ctx) {
        setDeadline(ctx, shared.limits.transferTimeout());
    }

    private void setDeadline(ChannelHandlerContext ctx, Duration timeout) {
        cancelDeadline();
        deadline = ctx.executor().schedule(() -> ctx.close(), timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void cancelDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    private void end(ChannelHandlerContext ctx) {
        cancelDeadline();
        if (state == State.DISCARDING) {
            reply(ctx, refusal);
            return;
        }
        state = State.ANSWERING;
        try {
            shared.workers.execute(() -> answer()
                    .exceptionally(this::failed)
                    .thenAccept(reply -> runOn(ctx, () -> reply(ctx, reply))));
        } catch (RejectedExecutionException e) {
            isKeptAlive = false;
            reply(ctx, failed(new StoreException(SHUTTING_DOWN, "the server is going down")));
        }
    }

    /** Runs on a worker, and always answers. The event loop does not touch this connection's request meanwhile. */
    private CompletionStage<HttpReply> answer() {
        try {
            byte[] whole = bodyBytes == body.length ? body : Arrays.copyOf(body, bodyBytes);
            verifyBody(whole);
            return unproven == null ? handled(whole) : handledWithRoom(whole);
        } catch (Throwable e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletionStage<HttpReply> handled(byte[] whole) {
        return route.handler().answer(call(whole)).thenApply(Objects::requireNonNull);
    }

    /** Now that it is known who asks, there is to be room for the reply, and the body's counts as everybody's does. */
    private CompletionStage<HttpReply> handledWithRoom(byte[] whole) {
        CompletableFuture<Void> granted = new CompletableFuture<>();
        held = shared.held.reserve((long) body.length + route.replyBytesMax(), () -> granted.complete(null));
        if (held.isAtOnce()) {
            releaseUnproven();
            return handled(whole);
        }
        return granted.thenComposeAsync(
                done -> {
                    releaseUnproven();
                    return handled(whole);
                },
                shared.workers);
    }

    private void verifyBody(byte[] whole) {
        if (verified == null) {
            believe(door.verifier.verify(request.withPayloadHash(PayloadHash.of(whole))));
        } else if (!verified.isPayloadUnsigned()) {
            verified.requirePayload(PayloadHash.of(whole));
        }
    }

    private HttpCall call(byte[] whole) {
        Map<String, List<String>> headers = request.headersByName();
        // It is there, for it is signed.
        String host = headers.get("host").get(0);
        return new HttpCall(caller, requestId, request.method(), host, path, parameters, headers, whole);
    }

    private HttpReply failed(Throwable failure) {
        try {
            Throwable cause = Fault.cause(failure);
            Fault fault = cause instanceof SigV4Exception e ? e.fault() : Fault.of(cause);
            switch (fault) {
                case INTERNAL -> log.error("{} {} failed", Text.shown(path), requestId, cause);
                case CORRUPT, NO_SPACE ->
                    log.warn("{} {} failed: {}", Text.shown(path), requestId, cause.getMessage());
                default -> log.debug("{} {} refused: {}", Text.shown(path), requestId, cause.getMessage());
            }
            return (door == null ? shared.doors.get(0) : door).door.failed(cause, requestId);
        } catch (Throwable e) {
            // Out of memory, most likely; what can still be said needs none.
            return LAST_RESORT;
        }
    }

    /** @param isContinueExpected then the body may never come, and the answer is due now */
    private void refuse(ChannelHandlerContext ctx, RuntimeException why, boolean isContinueExpected) {
        refusal = failed(why);
        if (isContinueExpected) {
            isKeptAlive = false;
            reply(ctx, refusal);
            return;
        }
        state = State.DISCARDING;
        setDeadline(ctx);
        next(ctx);
    }

    private void refuseGarbage(ChannelHandlerContext ctx, Throwable cause) {
        boolean isTooLong = cause instanceof TooLongHttpHeaderException || cause instanceof TooLongHttpLineException;
        isKeptAlive = false;
        if (state == State.IDLE) {
            requestId = newRequestId();
            door = null;
            path = "";
        }
        if (state == State.IDLE || state == State.RECEIVING || state == State.DISCARDING) {
            reply(ctx, failed(new StoreException(
                    isTooLong ? TOO_LARGE : INVALID_REQUEST, "this is no HTTP request: " + cause.getMessage())));
        }
    }

    private void reply(ChannelHandlerContext ctx, HttpReply reply) {
        state = State.REPLYING;
        body = null;
        request = null;
        setDeadline(ctx);
        ctx.writeAndFlush(response(reply)).addListener(written -> {
            cancelDeadline();
            releaseHeld();
            if (!written.isSuccess() || !isKeptAlive) {
                ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
                return;
            }
            state = State.IDLE;
            setDeadline(ctx);
            next(ctx);
        });
    }

    private FullHttpResponse response(HttpReply reply) {
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.valueOf(reply.status()),
                Unpooled.wrappedBuffer(reply.body()));
        reply.headers().forEach((name, value) -> response.headers().set(name, value));
        if (!reply.contentType().isEmpty()) {
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, reply.contentType());
        }
        if (reply.status() != HttpResponseStatus.NO_CONTENT.code()) {
            HttpUtil.setContentLength(response, reply.body().length);
        }
        response.headers().set(REQUEST_ID, requestId);
        HttpUtil.setKeepAlive(response, isKeptAlive);
        return response;
    }

    private void releaseHeld() {
        if (held != null) {
            shared.held.release(held);
            held = null;
        }
        releaseUnproven();
    }

    private void releaseUnproven() {
        if (unproven != null) {
            shared.unproven.release(unproven);
            unproven = null;
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (state != State.ANSWERING) {
            body = null;
            releaseHeld();
        }
        cancelDeadline();
        isNextWanted = false;
        arrived.forEach(ReferenceCountUtil::release);
        arrived.clear();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == Event.FINISH) {
            isKeptAlive = false;
            if (state != State.REPLYING && state != State.ANSWERING) {
                ctx.close();
            }
            return;
        }
        if (event instanceof IdleStateEvent && state != State.ANSWERING && state != State.WAITING) {
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        log.debug("{} broke off", ctx.channel(), cause);
        ctx.close();
    }

    private static String newRequestId() {
        return UUID.randomUUID().toString();
    }

    private static void runOn(ChannelHandlerContext ctx, Runnable task) {
        if (ctx.executor().inEventLoop()) {
            task.run();
        } else {
            ctx.executor().execute(task);
        }
    }
}
