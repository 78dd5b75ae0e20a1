package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn key}. */
final class KeyCommands {
    private KeyCommands() {}

    @Command(
            name = "create",
            description = "Create an access key. Its secret is shown only now, in the form of AWS's credentials file.")
    static final class Create extends StoreCommand {
        @Option(names = "--account", paramLabel = "ID", description = "whose key it will be (your own)")
        private AccountId account;

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            Messages.Key key = client.createKey(account);
            if (isJson) {
                printJson(key);
            } else {
                terminal.out().println("[default]");
                terminal.out().println("aws_access_key_id = " + key.id());
                terminal.out().println("aws_secret_access_key = " + key.secretAccessKey());
            }
            return DONE;
        }
    }

    @Command(name = "list", description = "List access keys.")
    static final class ListAll extends ListCommand<Messages.Key> {
        ListAll(Terminal terminal) {
            super(terminal);
        }

        @Override
        List<Messages.Key> read(StoreClient client) {
            return client.keys();
        }

        @Override
        Table table() {
            return new Table("ID", "ACCOUNT", "STATE", "CREATED");
        }

        @Override
        void addRow(Table table, Messages.Key key) {
            table.row(key.id(), key.account(), key.state(), key.createdAt());
        }
    }

    /** A command about one key. */
    private abstract static class OfOneKey extends StoreCommand {
        @Parameters(paramLabel = "KEY", description = "the access key's id")
        private String id;

        OfOneKey(Terminal terminal) {
            super(terminal);
        }

        abstract void run(StoreClient client, String id);

        @Override
        final int run(StoreClient client) {
            run(client, id);
            return DONE;
        }
    }

    /** A command that changes a key's state. */
    private abstract static class Switch extends OfOneKey {
        @Option(names = "--json", description = "print the key as a JSON object")
        private boolean isJson;

        Switch(Terminal terminal) {
            super(terminal);
        }

        final void setActive(StoreClient client, String id, boolean isActive) {
            Messages.Key key = client.changeKey(id, isActive);
            if (isJson) {
                printJson(key);
            } else {
                terminal.say("key %s is %s", id, key.state());
            }
        }
    }

    @Command(name = "disable", description = "Refuse requests signed with a key, until it is enabled again.")
    static final class Disable extends Switch {
        Disable(Terminal terminal) {
            super(terminal);
        }

        @Override
        void run(StoreClient client, String id) {
            setActive(client, id, false);
        }
    }

    @Command(name = "enable", description = "Accept requests signed with a key again.")
    static final class Enable extends Switch {
        Enable(Terminal terminal) {
            super(terminal);
        }

        @Override
        void run(StoreClient client, String id) {
            setActive(client, id, true);
        }
    }

    @Command(name = "delete", description = "Delete an access key for good.")
    static final class Delete extends OfOneKey {
        Delete(Terminal terminal) {
            super(terminal);
        }

        @Override
        void run(StoreClient client, String id) {
            client.deleteKey(id);
            terminal.say("deleted key %s", id);
        }
    }
}
