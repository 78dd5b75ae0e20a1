package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.LoggerFactory;

/**
 * While it is open: keeps the NBD door from telling about each refusal, and collects what is logged as an error. That
 * is where exceptions end that nobody has caught, and what Netty's leak detector finds.
 */
final class ErrorLog extends AppenderBase<ILoggingEvent> implements AutoCloseable {
    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Logger door = (Logger) LoggerFactory.getLogger(ErrorLog.class.getPackageName());
    private final Queue<String> errors = new ConcurrentLinkedQueue<>();

    ErrorLog() {
        setContext(root.getLoggerContext());
        door.setLevel(Level.ERROR);
        root.addAppender(this);
        start();
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getLevel().isGreaterOrEqual(Level.ERROR)) {
            String thrown = event.getThrowableProxy() == null ? "" : ": " + event.getThrowableProxy().getClassName();
            errors.add(event.getFormattedMessage() + thrown);
        }
    }

    void requireNone(String where) {
        assertEquals(List.of(), List.copyOf(errors), where);
    }

    @Override
    public void close() {
        root.detachAppender(this);
        door.setLevel(null);
        stop();
    }
}
