System.Console.WriteLine("Digits");
