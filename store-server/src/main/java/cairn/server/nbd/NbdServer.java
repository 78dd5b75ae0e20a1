package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.transport.Transport;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The NBD door: listens on TCP and on unix sockets, with event loops of its own. */
public final class NbdServer implements AutoCloseable {
    private static final WriteBufferWaterMark WRITE_BUFFER = new WriteBufferWaterMark(512 << 10, 1 << 20);

    /** As much as Linux gives without being told otherwise: a longer reply wakes us less often on its way. */
    private static final int SEND_BUFFER_BYTES = 1 << 20;

    private static final Logger log = LoggerFactory.getLogger(NbdServer.class);

    private final Exports exports;
    private final NbdLimits limits;
    private final Transport transport;
    private final EventLoopGroup eventLoops;
    private final ByteBudget budget;
    private final ChannelGroup listeners = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final AtomicInteger connectionCount = new AtomicInteger();
    private final List<SocketFile> socketFiles = new ArrayList<>();
    private volatile boolean isClosing;

    private NbdServer(Exports exports, NbdLimits limits, Transport transport, int threads) {
        this.exports = exports;
        this.limits = limits;
        this.transport = transport;
        this.budget = new ByteBudget(limits.sharedBytesMax());
        this.eventLoops = new MultiThreadIoEventLoopGroup(
                threads, new DefaultThreadFactory("nbd", true), transport.ioHandlers());
    }

    /** A server that listens nowhere yet. */
    public static NbdServer start(Exports exports, NbdLimits limits, Transport transport, int threads) {
        return new NbdServer(exports, limits, transport, threads);
    }

    /** Listens on TCP, for remote peers. Returns where, for port 0 stands for any free one. */
    public InetSocketAddress listen(InetSocketAddress address) throws IOException {
        ServerBootstrap tcp = bootstrap(transport.tcp(), Exports.Peer.REMOTE)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true);
        return (InetSocketAddress) bind(tcp, address).localAddress();
    }

    /**
     * Listens on a unix socket, for local peers.
     *
     * @throws StoreException CONFLICT if another process does already
     */
    public synchronized void listen(Path socket) throws IOException {
        ServerBootstrap unix = bootstrap(transport.unix(), Exports.Peer.LOCAL)
                .childOption(ChannelOption.SO_SNDBUF, SEND_BUFFER_BYTES);
        socketFiles.add(SocketFile.bind(socket, made -> bind(unix, transport.address(made))));
    }

    /** Connections that are open now. */
    public int connections() {
        return connectionCount.get();
    }

    private ServerBootstrap bootstrap(Class<? extends ServerChannel> type, Exports.Peer peer) {
        return new ServerBootstrap()
                .group(eventLoops)
                .channel(type)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WRITE_BUFFER)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        admit(channel, peer);
                    }
                });
    }

    private Channel bind(ServerBootstrap bootstrap, SocketAddress address) throws IOException {
        if (isClosing) {
            throw new StoreException(Fault.SHUTTING_DOWN, "the NBD server is closed");
        }
        var bound = bootstrap.bind(address).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException("can not listen on " + address + ": " + bound.cause().getMessage(), bound.cause());
        }
        listeners.add(bound.channel());
        return bound.channel();
    }

    private void admit(Channel channel, Exports.Peer peer) {
        int count = connectionCount.incrementAndGet();
        channel.closeFuture().addListener(closed -> connectionCount.decrementAndGet());
        if (isClosing || count > limits.connectionsMax()) {
            log.warn("{} closed at once: {} connections are open", channel, count - 1);
            channel.close();
            return;
        }
        connections.add(channel);
        NbdConnection.greet(channel.pipeline(), exports, peer, limits, budget);
    }

    /** Stops listening, lets what is in flight finish for a while, then closes all connections. */
    @Override
    public synchronized void close() {
        if (isClosing) {
            return;
        }
        isClosing = true;
        listeners.close().awaitUninterruptibly();
        connections.forEach(connection -> connection.pipeline().fireUserEventTriggered(NbdConnection.Event.FINISH));
        connections.newCloseFuture().awaitUninterruptibly(limits.drainTimeout().toMillis());
        connections.close().awaitUninterruptibly();
        eventLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
        socketFiles.forEach(SocketFile::close);
    }
}
