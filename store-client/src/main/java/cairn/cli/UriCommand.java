package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.ResourceId;
import cairn.client.StoreClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "uri", description = "Print the NBD URI of an image, a snapshot or a volume, to be given to QEMU.")
final class UriCommand extends StoreCommand {
    @Parameters(paramLabel = "ID", description = "ami-..., snap-... or vol-...")
    private ResourceId id;

    @Option(names = "--socket", description = "over the server's unix socket instead of TCP with a ticket")
    private boolean isSocket;

    @Option(names = "--json", description = "print a JSON object with both")
    private boolean isJson;

    UriCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Messages.ExportUri export = id.isVolume() ? client.exportUri(id.volume()) : client.exportUri(id.disk());
        if (isSocket && export.socketUri() == null) {
            throw new StoreException(
                    Fault.NOT_FOUND,
                    "the server has no unix socket; start it with --nbd-socket PATH, or leave out --socket");
        }
        if (isJson) {
            printJson(export);
        } else {
            terminal.out().println(isSocket ? export.socketUri() : export.uri());
            if (!isSocket && terminal.isErrTerminal()) {
                terminal.say("valid until %s", export.validUntil());
            }
        }
        return DONE;
    }
}
