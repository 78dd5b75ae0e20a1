package cairn.server.http;

import cairn.server.account.Accounts;
import cairn.server.account.Regions;
import cairn.server.transport.Transport;
import cairn.sigv4.SigV4Verifier;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Listens for HTTP and brings requests to their doors. */
public final class HttpServer implements AutoCloseable {
    private static final int WORKERS_MIN = 4;
    private static final int CLOSE_SECONDS = 10;

    private final HttpLimits limits;
    private final HttpConnection.Shared shared;
    private final Transport transport;
    private final EventLoopGroup eventLoops;
    private final ExecutorService workers;
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final ChannelGroup listeners = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);

    /**
     * A server that listens nowhere yet.
     *
     * @param doors a request comes in by the first that serves its path; the first of all tells what fits none
     * @param clock by which signatures are judged
     */
    public HttpServer(
            List<HttpDoor> doors,
            Accounts accounts,
            Regions regions,
            Clock clock,
            HttpLimits limits,
            Transport transport) {
        this.limits = limits;
        this.transport = transport;
        this.eventLoops = new MultiThreadIoEventLoopGroup(
                Runtime.getRuntime().availableProcessors(),
                new DefaultThreadFactory("http", true),
                transport.ioHandlers());
        this.workers = Executors.newFixedThreadPool(
                Math.max(WORKERS_MIN, 2 * Runtime.getRuntime().availableProcessors()),
                new DefaultThreadFactory("worker", true));
        this.shared = new HttpConnection.Shared(
                doors.stream()
                        .map(door -> new HttpConnection.Guarded(
                                door,
                                new SigV4Verifier(accounts::findCredentials, clock, Set.of(door.service()))))
                        .toList(),
                accounts,
                regions,
                limits,
                new HeldBytes(limits.heldBytesMax()),
                new HeldBytes(limits.unprovenBytesMax()),
                workers);
    }

    /** Listens. Returns where, for port 0 stands for any free one. */
    public InetSocketAddress listen(InetSocketAddress address) throws IOException {
        ChannelFuture bound = new ServerBootstrap()
                .group(eventLoops)
                .channel(transport.tcp())
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, HttpConnection.receiveBuffers())
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        admit(channel);
                    }
                })
                .bind(address)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException("can not listen on " + address + ": " + bound.cause().getMessage(), bound.cause());
        }
        listeners.add(bound.channel());
        return (InetSocketAddress) bound.channel().localAddress();
    }

    private void admit(Channel channel) {
        if (connections.size() >= limits.connectionsMax()) {
            channel.close();
            return;
        }
        connections.add(channel);
        HttpConnection.serve(channel.pipeline(), shared);
    }

    /** Stops listening, lets requests that are being answered finish for a while, then closes all connections. */
    @Override
    public void close() {
        listeners.close().awaitUninterruptibly();
        workers.shutdown();
        try {
            if (!workers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                workers.shutdownNow();
            }
        } catch (InterruptedException e) {
            workers.shutdownNow();
            Thread.currentThread().interrupt();
        }
        // What the workers answered last is in the event loops' queues; it is to be written before they end.
        eventLoops.forEach(loop -> loop.submit(() -> {}).awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS));
        connections.forEach(connection -> connection.pipeline().fireUserEventTriggered(HttpConnection.Event.FINISH));
        connections.newCloseFuture().awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
        eventLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
