-- What is asked of many rows is answered by an index: the commands of a vehicle, and the disables that wait.
CREATE INDEX command_of_vehicle ON command (vehicle_id, id);
CREATE INDEX open_command_disabling ON open_command (vehicle_id)
  WHERE name = 'disable_ignition' AND state IN ('AwaitingApproval', 'Queued');
