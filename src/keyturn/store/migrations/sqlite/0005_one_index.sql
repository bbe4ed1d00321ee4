-- One index serves both: rows without a segment never collide, and every row of a vehicle is found by it.
DROP INDEX open_command_joined;
DROP INDEX open_command_of_vehicle;
CREATE UNIQUE INDEX open_command_joined ON open_command (vehicle_id, name, segment);
