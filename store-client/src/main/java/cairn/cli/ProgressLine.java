package cairn.cli;

import cairn.client.TransferProgress;
import java.time.temporal.ChronoUnit;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A bar with rate and time left on a terminal, and nothing anywhere else. */
final class ProgressLine implements TransferProgress, AutoCloseable {
    private static final int INTERVAL_MILLIS = 200;

    /** Null where nobody watches. */
    private final ProgressBar bar;

    ProgressLine(Terminal terminal, String task) {
        this.bar = terminal.isErrTerminal() ? bar(terminal, task) : null;
    }

    private static ProgressBar bar(Terminal terminal, String task) {
        return new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(0)
                .setUnit(" MiB", 1 << 20)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(INTERVAL_MILLIS)
                .showSpeed()
                .setSpeedUnit(ChronoUnit.SECONDS)
                .clearDisplayOnFinish()
                .setConsumer(new ConsoleProgressBarConsumer(terminal.err(), terminal.columns() - 1))
                .build();
    }

    @Override
    public void update(long doneBytes, long totalBytes, long movedBytes) {
        if (bar != null) {
            bar.maxHint(totalBytes);
            bar.stepTo(doneBytes);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
