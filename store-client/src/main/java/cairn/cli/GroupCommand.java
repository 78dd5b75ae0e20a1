package cairn.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A command that only holds others. */
abstract class GroupCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    @Override
    public final void run() {
        Main.requireSubcommand(spec);
    }

    @Command(
            name = "volume",
            description = "Create, list and remove writable disks.",
            synopsisSubcommandLabel = "COMMAND")
    static final class Volumes extends GroupCommand {}

    @Command(
            name = "snapshot",
            description = "Make snapshots of volumes; list and remove snapshots.",
            synopsisSubcommandLabel = "COMMAND")
    static final class Snapshots extends GroupCommand {}

    @Command(name = "image", description = "Make images of volumes.", synopsisSubcommandLabel = "COMMAND")
    static final class Images extends GroupCommand {}

    @Command(name = "account", description = "Create and list accounts.", synopsisSubcommandLabel = "COMMAND")
    static final class Accounts extends GroupCommand {}

    @Command(name = "key", description = "Create, list, disable and delete access keys.", synopsisSubcommandLabel = "COMMAND")
    static final class Keys extends GroupCommand {}

    @Command(name = "explain", description = "Say why something takes space.", synopsisSubcommandLabel = "COMMAND")
    static final class Explains extends GroupCommand {}
}
