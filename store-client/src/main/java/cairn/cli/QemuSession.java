package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One machine on this process's standard input and output, and what has to be undone when it ends, however that comes:
 * by itself, by a failure, or by a signal to this process.
 */
final class QemuSession implements AutoCloseable {
    private static final int END_SECONDS_MAX = 20;

    private final Thread atShutdown = new Thread(this::clear, "end of the machine");
    private final Deque<Runnable> undoing = new ArrayDeque<>();
    private boolean isCleared;

    QemuSession() {
        Runtime.getRuntime().addShutdownHook(atShutdown);
    }

    /** Something to be done at the end, before whatever was named earlier; at once if the end has come already. */
    synchronized void atEnd(Runnable undo) {
        if (isCleared) {
            undo.run();
        } else {
            undoing.push(undo);
        }
    }

    /** Runs QEMU until it ends. @return its exit status */
    int run(List<String> command) {
        // QEMU puts the terminal back itself, unless it is killed.
        terminalSettings().ifPresent(settings -> atEnd(() -> stty(settings)));
        Process qemu = start(command);
        try {
            return qemu.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
    }

    private synchronized Process start(List<String> command) {
        if (isCleared) {
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted");
        }
        try {
            Process qemu = new ProcessBuilder(command).inheritIO().start();
            atEnd(() -> end(qemu));
            return qemu;
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot start " + command.get(0) + ": " + e.getMessage(), e);
        }
    }

    private static void end(Process qemu) {
        qemu.destroy();
        try {
            if (!qemu.waitFor(END_SECONDS_MAX, TimeUnit.SECONDS)) {
                qemu.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            qemu.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** How the terminal is set that standard input is; empty if it is none. */
    private static Optional<String> terminalSettings() {
        try {
            Process stty = new ProcessBuilder("stty", "-g")
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String settings = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
            return stty.onExit().join().exitValue() == 0 ? Optional.of(settings) : Optional.empty();
        } catch (IOException e) {
            // No stty, no terminal that anybody would put back.
            return Optional.empty();
        }
    }

    private static void stty(String settings) {
        try {
            new ProcessBuilder("stty", settings).inheritIO().start().onExit().join();
        } catch (IOException e) {
            throw new StoreException(
                    Fault.INTERNAL, "cannot put the terminal back; `reset` does: " + e.getMessage(), e);
        }
    }

    /** Undoes everything, also where something of it fails. @throws RuntimeException the first failure */
    private synchronized void clear() {
        isCleared = true;
        RuntimeException failure = null;
        while (!undoing.isEmpty()) {
            try {
                undoing.pop().run();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void close() {
        try {
            clear();
        } finally {
            forgetShutdown();
        }
    }

    private void forgetShutdown() {
        try {
            Runtime.getRuntime().removeShutdownHook(atShutdown);
        } catch (IllegalStateException e) {
            // The process is ending, and this is what it waits for.
            return;
        }
    }
}
