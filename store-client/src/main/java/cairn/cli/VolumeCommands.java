package cairn.cli;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.VolumeId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of {@code cairn volume}. */
final class VolumeCommands {
    private VolumeCommands() {}

    @Command(
            name = "create",
            description =
                    "Create a volume from an image or a snapshot, or a blank one; the last line of the output is its id.",
            sortOptions = false)
    static final class Create extends StoreCommand {
        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "ID", arity = "0..1", description = "ami-... or snap-...; without one it is blank")
        private DiskId source;

        @Option(
                names = "--size",
                paramLabel = "SIZE",
                converter = DiskSizeConverter.class,
                description = {
                    SizeConverter.UNITS_HELP,
                    "at least that of ID, whose size it has otherwise"
                })
        private Long sizeBytes;

        @Option(names = "--read-only", description = "nobody may write to it")
        private boolean isReadOnly;

        @Option(names = "--ephemeral", description = "it goes when its last client leaves")
        private boolean isEphemeral;

        @Option(names = "--tag", paramLabel = "KEY=VALUE", description = "may be repeated")
        private Map<String, String> tags = new LinkedHashMap<>();

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            if (source == null && sizeBytes == null) {
                throw new ParameterException(spec.commandLine(), "a volume that is made from no ID needs a --size");
            }
            Messages.Volume volume = client.createVolume(new Messages.CreateVolume(
                    source == null ? null : source.value(), sizeBytes, isReadOnly, isEphemeral, tags));
            if (isJson) {
                printJson(volume);
            } else {
                terminal.out().println(volume.id());
            }
            return DONE;
        }
    }

    @Command(name = "list", description = "List your volumes.")
    static final class ListAll extends ListCommand<Messages.Volume> {
        ListAll(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<Messages.Volume> read(StoreClient client) {
            return readAll(client::volumes, Messages.VolumeList::volumes, Messages.VolumeList::next);
        }

        @Override
        Table table() {
            return new Table("ID", ">SIZE", "STATE", ">CLIENTS", "IMAGE", "SNAPSHOT", "KIND", "CREATED");
        }

        @Override
        void addRow(Table table, Messages.Volume volume) {
            table.row(
                    volume.id(),
                    Sizes.bytes(volume.sizeBytes()),
                    volume.state(),
                    volume.clients(),
                    volume.image(),
                    volume.snapshot(),
                    kind(volume),
                    volume.createdAt());
        }
    }

    /** What may be done with it, and how long. */
    static String kind(Messages.Volume volume) {
        return (volume.isReadOnly() ? "read-only" : "writable") + (volume.isEphemeral() ? ", ephemeral" : "");
    }

    @Command(name = "rm", description = "Remove volumes that nobody uses, with all that was written to them.")
    static final class Remove extends RemovingCommand<VolumeId> {
        @Parameters(index = "0..*", paramLabel = "VOLUME", arity = "1", description = "vol-...")
        private List<VolumeId> ids;

        Remove(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<VolumeId> ids() {
            return ids;
        }

        @Override
        void remove(StoreClient client, VolumeId id) {
            client.removeVolume(id);
        }
    }
}
