/** The sockets and event loops that all doors are served on. */
package cairn.server.transport;
